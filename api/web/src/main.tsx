import { render } from "preact";
import { App } from "./app";
import { takeUp } from "./live/recordings";

render(<App />, document.getElementById("page") as HTMLElement);
void takeUp().catch((error) => console.warn("what an earlier page has kept cannot be read:", error));

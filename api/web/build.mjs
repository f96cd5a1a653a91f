// Builds the page: `node build.mjs [FOLDER]`. `--tests` builds the unit tests into var/tests instead.
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL("./", import.meta.url).pathname;
const common = { bundle: true, absWorkingDir: here, target: "es2022", format: "esm", logLevel: "warning" };

if (process.argv.includes("--tests")) {
  await rm(`${here}var/tests`, { recursive: true, force: true });
  const tests = (await readdir(`${here}src`, { recursive: true })).filter((name) => /\.test\.tsx?$/.test(name));
  await build({
    ...common,
    entryPoints: tests.map((name) => `src/${name}`),
    outdir: "var/tests",
    outbase: "src",
    outExtension: { ".js": ".mjs" },
    platform: "node",
  });
} else {
  const folder = process.argv[2] ?? `${here}built`;
  await mkdir(folder, { recursive: true });
  await build({
    ...common,
    entryPoints: { app: "src/main.tsx", recorder: "src/live/recorder.worklet.ts", style: "src/style.css" },
    outdir: folder,
    minify: true,
    legalComments: "inline",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  await copyFile(`${here}src/index.html`, `${folder}/index.html`);
  await copyFile(`${here}src/icon.svg`, `${folder}/icon.svg`);
}

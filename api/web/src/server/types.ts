/** Short names of the wire types, which are generated from the server's OpenAPI document. */
import type { components } from "./openapi";

type Schemas = components["schemas"];

export type Meeting = Schemas["MeetingOut"];
export type MeetingPage = Schemas["MeetingPage"];
export type Segment = Schemas["SegmentOut"];
export type SegmentVersions = Schemas["SegmentVersions"];
export type Transcript = Schemas["Transcript"];
export type MinutesOut = Schemas["MinutesOut"];
export type Minutes = Schemas["Minutes"];
export type Sentence = Schemas["Sentence"];
export type Action = Schemas["Action"];
export type Coverage = Schemas["CoverageTotals"];
export type CoverageOut = Schemas["CoverageOut"];
export type TrackCoverage = Schemas["TrackCoverage"];
export type Share = Schemas["ShareOut"];
export type ShareScope = Schemas["ShareScope"];
export type CreatedShare = Schemas["CreatedShare"];
export type ShareList = Schemas["ShareList"];
export type SharedMeeting = Schemas["SharedMeeting"];
export type SearchPage = Schemas["SearchPage"];
export type SearchHit = Schemas["SearchHit"];
export type TypedNote = Schemas["TypedNoteOut"];
export type Person = Schemas["PersonOut"];
export type PeopleOut = Schemas["PeopleOut"];
export type PersonChange = Schemas["PersonChange"];
export type SplitSegments = Schemas["SplitSegments"];
export type Adapter = Schemas["AdapterOut"];
export type AdapterList = Schemas["AdapterList"];
export type AdapterHistory = Schemas["AdapterHistory"];
export type AdapterDecision = Schemas["DecisionOut"];
export type Template = Schemas["TemplateOut"];
export type UploadPage = Schemas["UploadPage"];
export type Upload = Schemas["UploadOut"];
export type Fleet = Schemas["FleetOut"];
export type Worker = Schemas["WorkerOut"];
export type PoolProcess = Schemas["PoolProcess"];
export type MeetingDelay = Schemas["MeetingDelay"];
export type Queue = Schemas["QueueStatus"];
export type Failure = Schemas["FailureOut"];
export type FailurePage = Schemas["FailurePage"];
export type PageSession = Schemas["PageSessionOut"];
export type NewMeeting = Schemas["NewMeeting"];
export type Problem = Schemas["Problem"] & { [member: string]: unknown };

/** An event of a meeting. Those with `seq` stand for rows; the others describe the moment. */
export interface MeetingEvent {
  type: string;
  seq: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: each type of event has its own data
  data: any;
}

/** What is wanted of an EVSE, by a button of its tile. */
export type Wanted = "detail" | "settings" | "start" | "stop" | "pause" | "resume" | "limit";

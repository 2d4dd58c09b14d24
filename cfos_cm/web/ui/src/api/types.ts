/**
 * What the manager answers, as its OpenAPI document has it. Currents in mA per phase as
 * `[L1, L2, L3]`, powers in W, energies in Wh, times as text of ISO 8601 in UTC; what is not
 * known is null.
 */

export type Role = "viewer" | "operator" | "admin";
export type Phase = "L1" | "L2" | "L3";
export type PerPhase = [number, number, number];
export type MaybePerPhase = [number | null, number | null, number | null];

export interface User {
  name: string;
  role: Role;
}

export interface Session {
  is_set_up: boolean;
  user: User | null;
  csrf: string | null;
  title: string | null;
  version: string | null;
}

export interface Warning {
  code: string;
  text: string;
  /** What it is about: an EVSE, a circuit, a file. */
  subject?: string | null;
}

export interface CircuitLimit {
  by: string;
  max_power_w: number | null;
  all_loads: boolean;
  until: string | null;
}

export interface Circuit {
  name: string;
  parent: string | null;
  max_current_ma: PerPhase;
  reserve_ma: number;
  usable_ma: PerPhase;
  meter: string | null;
  load_ma: MaybePerPhase | null;
  evses_ma: MaybePerPhase | null;
  headroom_ma: MaybePerPhase | null;
  max_power_w: number | null;
  overdrawn_ma: MaybePerPhase | null;
  limits: CircuitLimit[];
}

export interface Meter {
  name: string;
  role: string;
  circuit: string | null;
  evse: string | null;
  is_read: boolean;
  currents_ma: MaybePerPhase | null;
  power_w: number | null;
  energy_wh: number | null;
}

export interface Flow {
  /** What comes from the grid; negative: what is fed in. */
  grid_w: number | null;
  house_w: number | null;
  generation_w: number | null;
  chargers_w: number | null;
}

export interface OcppServer {
  port: number | null;
  interface: string | null;
  tls: boolean | string | null;
  urls: string[];
}

export interface Site {
  title: string;
  version: string;
  mode: "on" | "observe";
  now: string;
  started_at: string;
  cycle_ms: number | null;
  longest_cycle_ms: number | null;
  ocpp_server: OcppServer | null;
  flow: Flow;
  circuits: Circuit[];
  meters: Meter[];
  charging: number;
  waiting_charge_points: number;
  warnings: Warning[];
}

export interface Identity {
  vendor: string | null;
  model: string | null;
  serial_number: string | null;
  firmware_version: string | null;
}

export interface Reason {
  code: string;
  text: string;
  circuit: string | null;
  phase: string | null;
}

export interface Setpoint {
  current_ma: number;
  phases: Phase[] | number | null;
  reason: Reason | null;
}

export type Link = "never" | "online" | "lost";
export type Occupancy =
  "unknown" | "free" | "plugged" | "charging" | "unavailable" | "faulted";

export interface EvseTransaction {
  id: number | string;
  id_tag: string | null;
  verdict: string | null;
  started_at: string | null;
}

export interface EvseGateway {
  name: string;
  state: string;
  is_serving: boolean;
  waiting: number;
  dead: number;
}

export interface Evse {
  name: string;
  circuit: string | null;
  enabled: boolean;
  type: string;
  address: string | null;
  connector: number | null;
  unit: number | null;
  priority: number | null;
  charging_mode: string;
  min_current_ma: number;
  max_current_ma: number;
  phases: Phase[];
  on_disable: "block" | "minimum" | "cancel_limits";
  link: Link;
  occupancy: Occupancy;
  detail: string | null;
  fault: string | null;
  identity: Identity | null;
  charge_point: string | null;
  setpoint: Setpoint | null;
  confirmed_ma: number | null;
  may_draw_ma: number | PerPhase | null;
  currents_ma: MaybePerPhase | null;
  power_w: number | null;
  energy_wh: number | null;
  session_wh: number | null;
  transaction: EvseTransaction | null;
  limits: { by: string; current_ma: number | null }[];
  paused: boolean;
  release: { state: "none" | "pending" | "confirmed" | "refused"; why: string | null } | null;
  gateways: EvseGateway[];
  warnings: Warning[];
}

/** What an EVSE's change tells: its name, and only what changed. */
export type EvseChange = Pick<Evse, "name"> & Partial<Evse>;

export interface Gateway {
  name: string;
  key: string;
  client_id: string;
  url: string;
  role: string;
  outage: string | null;
  connectors: Record<string, string>;
  state: string;
  is_serving: boolean;
  since: string | null;
  registration: string | null;
  last_refusal: string | null;
  waiting: number;
  size_bytes: number;
  oldest_at: string | null;
  dead: number;
}

/** How something asked of a charger ended, such as "Accepted", and in words. */
export interface Outcome {
  status: string;
  text: string | null;
}

export interface History {
  step_s: number;
  /** Seconds since 1970. */
  times: number[];
  series: Record<string, (number | null)[]>;
}

export type OptionType =
  | "text"
  | "choice"
  | "boolean"
  | "number"
  | "secret"
  | "reference"
  | "file"
  | "files"
  | "multichoice";

export interface OptionDoc {
  name: string;
  doc: string;
  default: string | null;
  required: boolean;
  allowed: string;
  type: OptionType;
  choices: string[];
  refers_to: string;
  restart: boolean;
  unit: string;
}

export interface KindDoc {
  kind: string;
  named: boolean;
  doc: string;
  options: OptionDoc[];
}

export interface SettingsSection {
  heading: string;
  kind: string;
  name: string;
  line: number;
  options: Record<string, string>;
}

export interface Settings {
  etag: string;
  path: string;
  sections: SettingsSection[];
  kinds: KindDoc[];
  warnings: string[];
}

export type OptionValue = string | number | boolean | null;

export type SettingsChange =
  | { heading: string; options: Record<string, OptionValue> }
  | { heading: string; create: true; options: Record<string, OptionValue> }
  | { heading: string; remove: true }
  | { heading: string; rename: string };

export interface SettingsChanged {
  etag: string;
  changed: string[];
  needs_restart: string[];
  warnings: string[];
}

export interface Mistake {
  line: number | null;
  section: string | null;
  option: string | null;
  found: string | null;
  allowed: string | null;
  text: string;
}

export interface Backup {
  id: string;
  at: string;
  size_bytes: number;
}

export interface Certificate {
  what: string;
  file: string | null;
  subject: string | null;
  fingerprint: string | null;
  not_after: string | null;
  days_left: number | null;
  is_warning: boolean;
  words: string | null;
  is_own: boolean;
}

export interface Account {
  name: string;
  role: Role;
  changed_at: string;
}

export interface Token {
  name: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
  /** To about a minute; null: never. */
  used_at: string | null;
}

export interface AuditEntry {
  number: number;
  at: string;
  who: string;
  role: string;
  origin: string;
  method: string;
  path: string;
  status: number;
  note: string | null;
}

export interface ChargePoint {
  identity: string;
  state: "connected" | "away" | "waiting" | "refused";
  evses: string[];
  origin: string | null;
  since: string | null;
  profile: number | null;
  is_accepted: boolean;
  device: Identity | null;
  highest_profile: number | null;
  asks_password: boolean;
  /** Why it was refused, and how often. */
  why: string | null;
  count: number | null;
}

export interface ChargePoints {
  charge_points: ChargePoint[];
  urls: string[];
}

export interface ConfigurationKey {
  key: string;
  /** "***" where it is a secret. */
  value: string | null;
  readonly: boolean;
  is_secret?: boolean;
}

export interface OcppAction {
  action: string;
  doc: string;
  request: Record<string, unknown>;
  role: Role;
}

export interface Tag {
  id_tag: string;
  status: "Accepted" | "Blocked" | "Invalid";
  /** What a wallbox is told now, which may be Expired. */
  verdict: string;
  parent_id_tag: string | null;
  expires_at: string | null;
}

export interface FailedLogin {
  at: string;
  who: string;
  origin: string;
  what: string;
  why: string;
  count: number;
}

export interface SecurityEvent {
  charge_point: string;
  kind: string;
  told_at: string | null;
  tech_info: string | null;
  received_at: string;
}

export interface Security {
  failed_logins: FailedLogin[];
  events: SecurityEvent[];
  counters: Record<string, number>;
}

export interface Transaction {
  id: number;
  charge_point: string;
  connector: number;
  evse: string | null;
  id_tag: string | null;
  verdict: string | null;
  state: "open" | "superseded" | "stopped";
  started_at: string;
  stopped_at: string | null;
  meter_start_wh: number | null;
  meter_stop_wh: number | null;
  energy_wh: number | null;
  stop_reason: string | null;
  stop_id_tag: string | null;
  /** null: nobody has looked. */
  has_signed: boolean | null;
}

export interface TransactionPage {
  transactions: Transaction[];
  next: number | null;
  count: number;
  energy_wh: number;
}

export interface Curve {
  times: number[];
  power_w: (number | null)[];
  current_ma: (number | null)[];
  energy_wh: (number | null)[];
}

export interface TraceFrame {
  number: number;
  at: string;
  leg: "charger" | "backend";
  who: string;
  direction: "in" | "out";
  kind: "call" | "result" | "error" | "other";
  action: string | null;
  unique_id: string | null;
  text: string;
  size_bytes: number;
}

export interface SignedText {
  value: string;
  format: string;
  context: string | null;
  timestamp: string | null;
}

/** A message about a transaction, to the letter. */
export interface SignedRecord {
  received_at: string | null;
  what: "start" | "values" | "stop";
  payload: string;
  signed: SignedText[];
}

export interface StatementTag {
  id_tag: string;
  count: number;
  /** Of how many the energy is not known. */
  open_count: number;
  energy_wh: number;
  transactions: Transaction[];
}

export interface Statement {
  month: string;
  from: string;
  to: string;
  time_zone: string;
  count: number;
  energy_wh: number;
  tags: StatementTag[];
}

export interface GatewaySecurity {
  profile: number;
  is_proven: boolean;
  connected: number | null;
  warning: string;
  has_given_key: boolean;
  server: { pin: string; fingerprint: string; subject: string; seen_at: string } | null;
  certificates: { what: string; subject: string; fingerprint: string; not_after: string }[];
}

/** A message that waits for its backend; where it is a dead letter, also why. */
export interface QueuedMessage {
  key: string;
  action: string;
  connector: number;
  transaction_id: number | null;
  attempts: number;
  queued_at: string;
  payload: string;
  buried_at?: string;
  why?: string;
}

export interface MappedId {
  ours: number;
  theirs: number | null;
  evse: string | null;
  started_at: string;
  is_over: boolean;
}

export interface OrphanQueue {
  key: string;
  waiting: number;
  size_bytes: number;
  oldest_at: string | null;
  dead: number;
}

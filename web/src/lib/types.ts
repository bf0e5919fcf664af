// The API's answers, as api_*.go of the packages semantic and dashboard define them; only what the pages read.

export type Value = string | number | boolean | null;
export type Row = Value[];

export interface Answer<T> {
  data: T;
  meta: AnswerMeta;
  page?: { next: string; total: number };
}
export interface AnswerMeta {
  snapshot: string;
  version: number;
  as_of: string;
  published_at: string;
  filters?: Filters;
  notices: string[] | null;
  ms: number;
}
export interface Filters {
  query: string;
  exact: string;
  basis: string;
  basis_label: string;
  range: string;
  from: string;
  to: string;
  versus: string;
  versus_from: string;
  versus_to: string;
  undated: string;
  currency: string;
  conditions: Condition[] | null;
  ignored: string[] | null;
  text: string;
}
export interface Condition {
  name: string;
  label: string;
  op: string;
  values: string[];
}
export interface Problem {
  title: string;
  status: number;
  detail: string;
  hint?: string;
  values?: string[] | null;
  request_id: string;
  role?: string;
  contact?: string;
}

export interface Meta {
  project: string;
  build: string;
  engine: string;
  state: string;
  first_steps?: Step[];
  time_zone: string;
  data_from: string;
  data_through: string;
  freshness: Freshness;
  user: { name: string; roles: string[] | null };
  pages: PageInfo[] | null;
  records: RecordInfo[] | null;
  filters: FilterInfo[] | null;
  bases: BasisInfo[] | null;
  ranges: RangeInfo[] | null;
  currencies: Option[] | null;
  currency: string;
  states: StateInfo[] | null;
  badges: Badge[] | null;
  examples: { title: string; sql: string }[] | null;
  limits: { sql_rows: number; sql_seconds: number; rows_page: number };
  live: boolean;
}
export interface Step {
  title: string;
  command: string;
  done: boolean;
}
export interface Freshness {
  status: string;
  text: string;
  last_run: number;
  last_status: string;
  published_at?: string;
  loaded_at?: string;
  link: string;
}
export interface PageInfo {
  name: string;
  path: string;
  title: string;
  section: string;
  icon?: string;
  filters: string[] | null;
  entity?: string;
}
export interface RecordInfo {
  name: string;
  title: string;
  singular: string;
  table: string;
  key: string;
  columns: string[] | null;
  facets: string[] | null;
  sort: string;
}
export interface FilterInfo {
  name: string;
  label: string;
  prefix?: string;
  path?: string;
  kind: string;
  multiple: boolean;
  options: boolean;
  hint?: string;
}
export interface BasisInfo {
  name: string;
  label: string;
  hint?: string;
  default: boolean;
}
export interface RangeInfo {
  name: string;
  label: string;
  default: boolean;
  from: string;
  to: string;
}
export interface Option {
  value: string;
  label: string;
  rows: number;
  selected: boolean;
}
export interface StateInfo {
  name: string;
  label: string;
  tone: string;
}
export interface Badge {
  path: string;
  count: number;
  text: string;
  tone: string;
}

export interface PageData {
  name: string;
  title: string;
  description: string;
  rows: number;
  rows_link: string;
  noun: string;
  trust?: Trust;
  empty?: Empty;
  cards: Card[] | null;
}
export interface Empty {
  text: string;
  label: string;
  link: string;
}
export interface Amounts {
  rows: number;
  money: Record<string, string> | null;
}
export interface Trust {
  text: string;
  table: string;
  read: Amounts;
  counted: Amounts;
  quarantined: Amounts;
  superseded: Amounts;
  excluded: { reason: string; label: string; counts: Amounts; link: string }[] | null;
  balances: boolean;
  checks: CheckCounts;
  links: { counted: string; quarantined: string; checks: string; run: string };
}
export interface CheckCounts {
  passed: number;
  warned: number;
  failed: number;
}
export interface Card {
  id: string;
  question: string;
  answer: string;
  mark: string;
  width: string;
  basis: string;
  definition: string;
  columns: Column[] | null;
  rows: Row[] | null;
  encoding: Encoding;
  tile?: Tile;
  rows_link: string;
  total: number;
  truncated: boolean;
  sql?: string;
  notes: string[] | null;
  problem?: Problem;
  lines?: Reference[] | null;
  exports: ExportLink[] | null;
  ms: number;
}
export interface ExportLink {
  format: string;
  link: string;
}
export interface Column {
  name: string;
  label: string;
  format: string;
  type: string;
  link?: string;
  hidden?: boolean;
  low?: boolean;
  unit?: string;
  color?: string;
  help?: string;
}
export interface Encoding {
  x?: string;
  y?: string[] | null;
  label?: string;
  size?: string;
  color?: string;
  kind?: string;
  low?: string;
  high?: string;
  split?: string;
  grain?: string;
  panels?: boolean;
  below?: string;
  log?: boolean;
  x_mid?: string;
  y_mid?: string;
}
export interface Reference {
  axis: string;
  value: string;
  label: string;
}
export interface Tile {
  label: string;
  value: Value;
  format: string;
  unit?: string;
  before: Value;
  change: string | null;
  direction: string;
  second?: string;
  spark: Value[] | null;
  link: string;
}

export interface TableInfo {
  name: string;
  schema: string;
  kind: string;
  description: string;
  rows: number;
  columns: number;
  key: string;
  newest?: string;
  tags: string[] | null;
  checks: CheckCounts;
  link: string;
}
export interface TableData extends TableInfo {
  profile: ColumnProfile[] | null;
  upstream: string[] | null;
  downstream: string[] | null;
  tests: CheckInfo[] | null;
  sql?: string;
  record?: string;
  usage: string[] | null;
}
export interface ColumnProfile extends Column {
  description: string;
  nulls: number;
  distinct: number;
  min: Value;
  max: Value;
  top: Option[] | null;
}
export interface RowsData {
  table: string;
  title: string;
  columns: Column[] | null;
  rows: Row[] | null;
  totals: { currency: string; rows: number; sums: Record<string, string> | null }[] | null;
  undated: number;
  record?: RecordInfo;
  sort: string;
  exports: ExportLink[] | null;
  link: string;
  histogram?: { grain: string; bins: Bin[] | null };
}
export interface Bin {
  from: string;
  to: string;
  rows: number;
  link: string;
}
export interface RecordData {
  kind: string;
  key: string;
  title: string;
  state: string;
  answer: string;
  amount?: string;
  currency?: string;
  facts: Fact[] | null;
  timeline: TimeEvent[] | null;
  undated: string[] | null;
  sum?: { text: string; amount: string; lines: string; difference: string; currency: string; equal: boolean };
  related: Related[] | null;
  checks: { name: string; status: string; table: string; column: string; text: string; link: string }[] | null;
  provenance: Provenance;
  row: Fact[] | null;
}
export interface Fact {
  label: string;
  value: Value;
  format: string;
  basis?: string;
  link?: string;
  help?: string;
}
export interface TimeEvent {
  label: string;
  at: string;
  day: string;
  basis: string;
  gap_days: number | null;
  help?: string;
}
export interface Related {
  title: string;
  table: string;
  columns: Column[] | null;
  rows: Row[] | null;
  total: number;
  link: string;
  parent?: string;
}
export interface Provenance {
  source: string;
  key: string;
  run: number;
  version: number;
  run_link: string;
  changed: { column: string; before: Value; after: Value; basis: string }[] | null;
}

export interface RunStep {
  step: string;
  name?: string;
  status: string;
  start: number;
  seconds: number;
  rows: number;
  detail?: string;
  before_seconds?: number;
}
export interface RunInfo {
  id: number;
  command: string;
  status: string;
  mode: string;
  started_at: string;
  ended_at: string | null;
  seconds: number;
  version: number;
  as_of: string | null;
  error?: string;
  read: number;
  changed: number;
  quarantined: number;
  steps: RunStep[] | null;
  checks: CheckCounts;
  link: string;
}
export interface RunsData {
  answer: string;
  p95_seconds: number;
  steps: string[] | null;
  runs: RunInfo[] | null;
  tables: { table: string; loaded_at: string | null; rows: number; changed_at: string | null; status: string; cause: string }[] | null;
}
export interface RunData extends RunInfo {
  answer: string;
  host: string;
  pid: number;
  build: string;
  position: string;
  position_before: string;
  consistency: string;
  lock_ms: number;
  project_hash: string;
  loads: { table: string; read: number; inserted: number; updated: number; deleted: number; rows: number; seconds: number }[] | null;
  models: RunStep[] | null;
  books: { table: string; equation: string; item: string; left: string; right: string; balances: boolean; detail?: string }[] | null;
  results: CheckInfo[] | null;
  repairs: { table: string; column: string; basis: string; rows: number }[] | null;
  good: number;
  previous: number;
  next: number;
}
export interface CheckInfo {
  name: string;
  text: string;
  kind: string;
  dimension: string;
  table: string;
  column: string;
  severity: string;
  status: string;
  failing: number;
  tested: number;
  share: string;
  threshold: string;
  delta: string;
  first_seen: number;
  trend: number[] | null;
  link: string;
}
export interface ChecksData {
  answer: string;
  run: number;
  before: number;
  counts: CheckCounts;
  new: string[] | null;
  resolved: string[] | null;
  persisting: string[] | null;
  dimensions: string[] | null;
  matrix: { table: string; cells: { passed: number; total: number; worst: string; link: string }[] | null }[] | null;
  checks: CheckInfo[] | null;
}
export interface CheckData extends CheckInfo {
  answer: string;
  sql?: string;
  columns: Column[] | null;
  rows: Row[] | null;
  total: number;
  rows_note: string;
  rows_link: string;
  pages: string[] | null;
  whose: { filter: string; label: string; options: Option[] | null; total: number }[] | null;
  history: { run: number; at: string; status: string; failing: number; tested: number; threshold: string }[] | null;
  exports: ExportLink[] | null;
}
export interface QuarantineData {
  answer: string;
  open: number;
  states: Option[] | null;
  tables: Option[] | null;
  command: string;
  exports: ExportLink[] | null;
  reasons:
    | {
        table: string;
        reason: string;
        text: string;
        check: string;
        column: string;
        rows: number;
        money: Record<string, string> | null;
        oldest: string | null;
        link: string;
      }[]
    | null;
  rows: QuarantineRow[] | null;
}
export interface QuarantineRow {
  table: string;
  key: string;
  occurrence: number;
  state: string;
  first_run: number;
  last_run: number;
  first_seen: string;
  last_seen: string;
  reasons: { reason: string; text: string; check: string; column: string; value: string | null }[] | null;
  row: Record<string, string | null> | null;
}
export interface LineageData {
  table: string;
  width: number;
  height: number;
  upstream: string[] | null;
  downstream: string[] | null;
  tables: string[] | null;
  columns: { column: string; nodes: string[] }[] | null;
  edges: { from: string; to: string; path: string }[] | null;
  nodes:
    | {
        name: string;
        kind: string;
        rows: number;
        x: number;
        y: number;
        width: number;
        height: number;
        status: string;
        focus: boolean;
        more: number;
        link: string;
        columns: string[] | null;
      }[]
    | null;
}
export interface SQLData {
  columns: Column[] | null;
  rows: Row[] | null;
  truncated: boolean;
  limit: number;
  seconds: number;
  formats: string[] | null;
}
export interface DimensionData {
  name: string;
  label: string;
  options: Option[] | null;
  total: number;
}
export interface SearchData {
  hits: { kind: string; text: string; note: string; link: string }[] | null;
}

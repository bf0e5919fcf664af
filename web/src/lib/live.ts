/** One server-sent event of /api/v1/events. */
export interface LiveEvent {
  kind: string;
  at: string;
  snapshot?: string;
  step?: string;
  state?: string;
  text?: string;
  run?: number;
  status?: string;
}

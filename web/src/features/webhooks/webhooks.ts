//! The webhooks of a project: their calls, and how a report was delivered, in words.

import { call, type Schemas } from "../../api/client.ts";
import { at } from "../../api/projects.ts";

export type Delivery = Schemas["WebhookDelivery"];
type Attempt = Schemas["WebhookAttempt"];

const secretOf = (project: string) => `${at(project)}/webhook-secret`;
/** The state of the webhooks. */
export const loadState = (project: string) => call<Schemas["WebhookSecret"]>("GET", secretOf(project));
/** Makes a secret; the one before signs as well for a day. */
export const makeSecret = (project: string) => call<Schemas["CreatedWebhookSecret"]>("POST", secretOf(project));
/** Ends the webhooks, and forgets what was and was to be delivered. */
export const deleteSecret = (project: string) => call("DELETE", secretOf(project));
/** Loads a page of the reports, the newest first. */
export const loadDeliveries = (project: string, cursor: string) => call<Schemas["WebhookDeliveryPage"]>("GET", `${at(project)}/webhook-deliveries?limit=50${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);

const STATES: Record<Delivery["state"], [word: string, look: string]> = { pending: ["Waiting", "accent"], delivered: ["Delivered", "ok"], failed: ["Failed", "bad"], dropped: ["Dropped", "warn"] };
const REASONS: Record<NonNullable<Delivery["reason"]>, string> = { no_secret: "there was no secret", disabled: "webhooks were switched off", run_deleted: "its result was deleted" };
const ERRORS: Record<NonNullable<Attempt["error"]>, string> = { timeout: "No answer within 10 s", unreachable: "No connection", interrupted: "In progress, or interrupted" };

/** The word for a state. */
export const wordOf = ({ state, reason }: Delivery) => (reason === null ? STATES[state][0] : `${STATES[state][0]}: ${REASONS[reason]}`);
/** The look of its dot. */
export const lookOf = ({ state }: Delivery) => STATES[state][1];
/** How an attempt ended. */
export const outcomeOf = ({ status, error }: Attempt) => (status === null ? ERRORS[error ?? "unreachable"] : `Answered ${status}`);
/** Whether the receiver has accepted it. */
export const isAccepted = ({ status }: Attempt) => status !== null && status >= 200 && status < 300;

/** A form's fields from a JSON schema, such as that of an OCPP request. */

export type Kind =
  | "text"
  | "number"
  | "integer"
  | "boolean"
  | "choice"
  | "moment"
  | "object"
  | "list"
  | "any";

/** What may be filled in at one place. */
export interface Field {
  kind: Kind;
  name: string;
  doc: string;
  isRequired: boolean;
  choices: (string | number)[];
  default: unknown;
  maxLength: number | null;
  least: number | null;
  most: number | null;
  /** Of an object: what is in it. */
  fields: Field[];
  /** Of a list: what each item is. */
  item: Field | null;
  leastItems: number;
  mostItems: number | null;
}

type Schema = Record<string, unknown>;

const DEEPEST = 12;
/** Times of OCPP 1.6 that its schemas declare as texts. */
const MOMENTS = new Set([
  "retrieveDate",
  "retrieveDateTime",
  "installDateTime",
  "expiryDate",
  "validFrom",
  "validTo",
  "startSchedule",
  "startTime",
  "stopTime",
  "oldestTimestamp",
  "latestTimestamp",
]);

/** The fields of a schema. */
export function fieldOf(schema: Schema, name = "", isRequired = true): Field {
  return read(schema, schema, name, isRequired, 0);
}

function read(root: Schema, raw: Schema, name: string, isRequired: boolean, depth: number): Field {
  const schema = resolved(root, raw);
  const field = blank(name, isRequired, schema, raw);
  if (depth > DEEPEST) return field;
  const choices = (schema["enum"] ?? ("const" in schema ? [schema["const"]] : null)) as
    | (string | number)[]
    | null;
  const type = typeOf(schema);
  if (choices) {
    field.kind = "choice";
    field.choices = choices.filter((one) => one !== null);
  } else if (type === "object" || schema["properties"]) {
    const required = (schema["required"] ?? []) as string[];
    const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
    field.kind = properties.length > 0 || depth === 0 ? "object" : "any";
    field.fields = properties.map(([key, one]) =>
      read(root, one, key, required.includes(key), depth + 1),
    );
  } else if (type === "array") {
    field.kind = "list";
    field.item = read(root, (schema["items"] ?? {}) as Schema, name, true, depth + 1);
  } else if (type === "string") {
    const isMoment = schema["format"] === "date-time" || MOMENTS.has(name);
    field.kind = isMoment ? "moment" : "text";
  } else if (type === "integer" || type === "number" || type === "boolean") {
    field.kind = type;
  }
  return field;
}

function blank(name: string, isRequired: boolean, schema: Schema, raw: Schema): Field {
  return {
    kind: "any",
    name,
    doc: String(raw["description"] ?? schema["description"] ?? ""),
    isRequired,
    choices: [],
    default: raw["default"] ?? schema["default"],
    maxLength: numberOf(schema["maxLength"]),
    least: numberOf(schema["minimum"]),
    most: numberOf(schema["maximum"]),
    fields: [],
    item: null,
    leastItems: numberOf(schema["minItems"]) ?? 0,
    mostItems: numberOf(schema["maxItems"]),
  };
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function typeOf(schema: Schema): unknown {
  const type = schema["type"];
  return Array.isArray(type) ? type.find((one) => one !== "null") : type;
}

/** What a reference or a choice between something and nothing comes down to. */
function resolved(root: Schema, schema: Schema): Schema {
  let found = schema;
  for (let i = 0; i < DEEPEST; i++) {
    const reference = found["$ref"];
    const some = (found["anyOf"] ?? found["oneOf"]) as Schema[] | undefined;
    if (typeof reference === "string") found = followed(root, reference);
    else if (some) found = some.find((one) => one["type"] !== "null") ?? {};
    else break;
  }
  return found;
}

function followed(root: Schema, reference: string): Schema {
  let found: unknown = root;
  for (const part of reference.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    found = (found as Schema | undefined)?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return (found ?? {}) as Schema;
}

/** What a field holds before anything is typed; undefined: it is left out. */
export function emptyOf(field: Field): unknown {
  if (field.kind === "object") {
    return Object.fromEntries(
      field.fields.filter((one) => one.isRequired).map((one) => [one.name, emptyOf(one)]),
    );
  }
  if (field.kind === "list") {
    return Array.from({ length: Math.max(field.leastItems, 1) }, () => emptyOf(field.item!));
  }
  if (field.default !== undefined && field.default !== null) return field.default;
  if (field.kind === "boolean") return false;
  if (field.kind === "choice" && field.choices.length === 1) return field.choices[0];
  return "";
}

/** What is wrong at a place, such as `csChargingProfiles.stackLevel`. */
export interface Flaw {
  at: string;
  code: "missing" | "number" | "integer" | "least" | "most" | "long" | "moment" | "json";
  bound: number | string | null;
}

/**
 * What is to be sent for what was typed.
 *
 * Texts of numbers become numbers, local times become UTC; optional fields that are empty are
 * left out.
 */
export function payloadOf(field: Field, value: unknown, flaws: Flaw[] = [], at = ""): unknown {
  if (field.kind === "object") return objectOf(field, value as Schema, flaws, at);
  if (field.kind === "list") {
    const items = (value ?? []) as unknown[];
    return items.map((one, i) => payloadOf(field.item!, one, flaws, `${at}[${i}]`));
  }
  if (value === "" || value === undefined || value === null) {
    if (field.isRequired) flaws.push({ at, code: "missing", bound: null });
    return undefined;
  }
  return simpleOf(field, value, flaws, at);
}

function objectOf(field: Field, value: Schema | undefined, flaws: Flaw[], at: string): Schema {
  const payload: Schema = {};
  for (const one of field.fields) {
    const typed = value?.[one.name];
    if (typed === undefined && !one.isRequired) continue;
    const made = payloadOf(one, typed, flaws, at ? `${at}.${one.name}` : one.name);
    if (made !== undefined) payload[one.name] = made;
  }
  return payload;
}

function simpleOf(field: Field, value: unknown, flaws: Flaw[], at: string): unknown {
  const flaw = (code: Flaw["code"], bound: Flaw["bound"] = null) => {
    flaws.push({ at, code, bound });
    return undefined;
  };
  if (field.kind === "integer" || field.kind === "number") {
    const number = Number(String(value).trim().replace(",", "."));
    if (!Number.isFinite(number)) return flaw("number");
    if (field.kind === "integer" && !Number.isInteger(number)) return flaw("integer");
    if (field.least !== null && number < field.least) return flaw("least", field.least);
    if (field.most !== null && number > field.most) return flaw("most", field.most);
    return number;
  }
  if (field.kind === "moment") {
    const moment = new Date(String(value));
    return Number.isNaN(moment.getTime()) ? flaw("moment") : moment.toISOString();
  }
  if (field.kind === "any") {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return flaw("json");
    }
  }
  if (field.kind === "text") {
    const text = String(value);
    const isLong = field.maxLength !== null && text.length > field.maxLength;
    return isLong ? flaw("long", field.maxLength) : text;
  }
  return value;
}

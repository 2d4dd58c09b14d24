/** Certificates and keys as files have them: PEM texts, or the bytes of a certificate (DER). */

/** A file's content as PEM; null: it is neither PEM nor, for a certificate, DER. */
export function asPem(content: ArrayBuffer, what: "CERTIFICATE" | "KEY"): string | null {
  const bytes = new Uint8Array(content);
  const text = new TextDecoder("latin1").decode(bytes);
  if (text.includes("-----BEGIN ")) return text;
  // DER begins with a SEQUENCE whose length takes more than a byte.
  if (what === "KEY" || bytes[0] !== 0x30 || (bytes[1] ?? 0) < 0x81) return null;
  const base64 = btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

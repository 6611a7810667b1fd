// A call of the journal as a command: secrets are placeholders, what was masked stays masked.
import * as json from "./json.js";

const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

/** curl gives the call as a command of a POSIX shell. */
export function curl(line, node, origin) {
  const cloud = line.side === "cloud", url = cloud ? "$BASE_DA_NUVEM/" + line.route.replace(/^\//, "") : origin + line.route;
  const parts = [`curl -X ${line.method} ${cloud ? '"' + url + '"' : quoted(url)}`, `-H "Authorization: ${cloud ? "$TOKEN_DA_NUVEM" : "Bearer $TOKEN_DO_CAIXA"}"`];
  const body = json.member(json.member(node, "request"), "json");
  if (body) parts.push("-H 'Content-Type: application/json'", "--data " + quoted(json.print(body, "")));
  return parts.join(" \\\n  ");
}

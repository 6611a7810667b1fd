// Why something waits for a person, what that means, and what may be done about it.
import * as words from "./words.js";

const contents = {
  "held/invalid": "Os valores ou os dados não fecham, e a Mercafácil recusaria. Nada foi enviado. Corrija o que está marcado, ou descarte se a venda não existiu.",
  "held/conflict": "O caixa mandou duas vezes a mesma identificação, com conteúdos diferentes. O primeiro seguiu; este ficou. Compare os dois: se este é outra venda, dê a ele outro número de cupom; se é repetido, descarte.",
  "held/key_missing": "A chave que abre o conteúdo não está neste computador. Restaure a chave, ou descarte.",
  "held/cloned": "Os dados deste computador são cópia dos de outro, que pode já ter enviado. Confira antes na Mercafácil; envie só o que falta lá.",
  "held/salvaged": "Foi achado num arquivo danificado, e talvez já tenha sido enviado. Confira na Mercafácil; envie só o que falta lá.",
  "dead/refused": "A Mercafácil leu e recusou o conteúdo. Veja a resposta dela, corrija e envie, ou envie de novo se a causa passou.",
  "dead/route_passes": "A Mercafácil recusa este, e aceita os outros. Veja a resposta dela.",
  "dead/unknown": "A Mercafácil não conhece a venda ou a transação de que isto trata.",
  "dead/denied": "A Mercafácil responde que não aceitou. Veja a resposta dela.",
  "dead/lost": "O conteúdo se perdeu com um arquivo danificado. Escreva-o de novo pelo cupom impresso, ou descarte.",
};

const unreadText = "O caixa mandou algo que não se consegue ler. A venda pode ter ficado fora da Mercafácil. Escreva o conteúdo certo, ou descarte.";

/** cause gives the heading and the explanation of a row's cause. */
export function cause(job) {
  if (job.state === "unread") return { key: "unread/" + job.reason, heading: `Ilegível: ${words.jobReason(job.reason)}`, text: unreadText };
  const answered = job.last_error?.status ? ` (resposta ${job.last_error.status})` : "";
  return {
    key: `${job.state}/${job.reason ?? ""}${answered}/${job.kind ?? ""}`,
    heading: `${words.kindName(job.kind ?? "")} ${agreed(job.state, job.kind)}: ${words.jobReason(job.reason)}${answered}`,
    text: contents[`${job.state}/${job.reason}`] ?? "Veja o que o caixa mandou e o que a Mercafácil respondeu.",
  };
}

/** agreed is the state of a kind, in its gender. */
function agreed(state, kind) {
  const word = words.jobState(state);
  return ["coupon", "confirm", "message"].includes(kind) ? word.replace(/o$/, "a") : word;
}

/** sends tells whether it may be sent again as it is. */
export const sends = (job) => job.state === "dead" ? job.reason !== "lost" : job.state === "held" && !["invalid", "conflict", "key_missing"].includes(job.reason);

/** mends tells whether it may be repaired. */
export const mends = (job) => job.kind !== "message" && ["held", "dead", "unread"].includes(job.state);

/** named is what a person knows it by. */
export const named = (job) => job.coupon || job.transaction_id || `registro ${job.id}`;

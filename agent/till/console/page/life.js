// The life of a sale in business words: the till's calls, the agent's, and how long each party took.
import * as words from "./words.js";

const calls = [
  [/transaction\/start/, "O caixa identificou o cliente", "O agente abriu a transação na Mercafácil"],
  [/transaction\/message/, "O caixa mandou a resposta do cliente", "A resposta do cliente foi à Mercafácil"],
  [/pre-apply/, "O caixa mandou os itens", "Os itens foram à Mercafácil"],
  [/transaction\/apply/, "O caixa pediu os descontos", "O agente pediu os descontos à Mercafácil"],
  [/transaction\/confirm/, "O caixa confirmou os descontos", "A confirmação foi à Mercafácil"],
  [/transaction\/cancel/, "O caixa cancelou a transação", "O cancelamento foi à Mercafácil"],
  [/coupons-cancellation/, "O caixa cancelou a venda", "O cancelamento da venda foi à Mercafácil"],
  [/coupons-list/, "Vendas antigas foram enviadas", "Vendas antigas foram à Mercafácil"],
  [/coupons/, "O caixa enviou a venda", "A venda foi à Mercafácil"],
];

/** saidOf is a journal line in business words. */
export function saidOf(line) {
  if (line.side === "support") return line.method === "GET" ? "O suporte consultou" : "O suporte pediu";
  const [, till, cloud] = calls.find(([route]) => route.test(line.route)) ?? [null, line.method === "GET" ? "O caixa consultou" : "O caixa pediu", line.method === "GET" ? "O agente consultou" : "O agente pediu"];
  return line.side === "cloud" ? cloud : till;
}

/** outcome is how a journal line ended, and its tone. */
export function outcome(line) {
  if (line.status === 0) return ["bad", "sem resposta" + (line.detail ? `: ${line.detail}` : "")];
  if (line.side === "cloud") {
    const cloud = /^\/?v2/.test(line.route) ? "a Mercafácil" : "a nuvem";
    if (line.status < 300) return ["ok", cloud + (line.method === "GET" ? " respondeu" : " aceitou")];
    return [line.status >= 500 ? "warn" : "bad", `${cloud} respondeu ${line.status}`];
  }
  if (line.status >= 400) return ["bad", `recusada${line.origin ? " (" + words.parties[line.origin] + ")" : ""}: ${line.status}`];
  return [line.delivery === "contingency" ? "warn" : "ok", words.deliveries[line.delivery] ?? "respondida"];
}

/**
 * delays gives how long each party took, in milliseconds: the till between its own calls, the agent inside the till's calls
 * and from keeping to the first attempt, the network in attempts without an answer and the waits after them, the cloud in its
 * answers.
 */
export function delays(lines, jobs) {
  const spent = { till: 0, agent: 0, network: 0, cloud: 0 }, tills = lines.filter((l) => l.side === "till");
  for (const [i, line] of tills.entries()) {
    const start = Date.parse(line.at), inside = lines.filter((l) => l.side === "cloud" && l.ref === line.ref).reduce((sum, l) => sum + l.ms, 0);
    spent.agent += Math.max(0, line.ms - inside);
    if (i > 0) spent.till += Math.max(0, start - (Date.parse(tills[i - 1].at) + tills[i - 1].ms));
  }
  for (const line of lines.filter((l) => l.side === "cloud")) spent[line.status === 0 || line.status === 502 || line.status === 504 ? "network" : "cloud"] += line.ms;
  for (const job of jobs) waits(job, lines.filter((l) => l.side === "cloud" && l.ref === job.id), spent);
  return spent;
}

/** waits adds the time of a job in the queue: before its first attempt the agent's, afterwards of who made it wait. */
function waits(job, attempts, spent) {
  let before = Date.parse(job.created_at), who = "agent";
  for (const line of attempts) {
    const start = Date.parse(line.at);
    spent[who] += Math.max(0, start - before);
    before = start + line.ms;
    who = line.status === 0 || line.status === 502 || line.status === 504 ? "network" : "cloud";
  }
}

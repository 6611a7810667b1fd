// What the lights of Início say, from the status: a tone (ok, warn, bad, off), why, what to tell the store, and what mends it.
import * as words from "./words.js";

const at = (alarms, code, subject) => alarms.find((a) => a.code === code && (subject === undefined || a.subject === subject));

/** lights gives the lights in their order. */
export function lights(seen) {
  const list = [cloud(seen), queue(seen), ...clocked(seen), disk(seen), clock(seen), certificate(seen), tried(seen), ...providers(seen)];
  const shown = new Set(list.flatMap((l) => l?.alarms ?? []));
  for (const alarm of seen.status.alarms) {
    if (!shown.has(alarm)) list.push(other(alarm));
  }
  return list.filter(Boolean);
}

function cloud({ status, admin }) {
  const [mercafacil] = status.clouds, name = "Mercafácil", id = "nuvem";
  if (!mercafacil) return { id, name, tone: "off", why: "Não é usada neste caixa." };
  const refused = at(status.alarms, "cloud_unauthorized", "") ?? status.alarms.find((a) => a.code === "cloud_unauthorized" && !a.subject);
  const paused = status.alarms.filter((a) => a.code === "route_paused"), busy = at(status.alarms, "cloud_busy");
  const alarms = [refused, ...paused, busy].filter(Boolean);
  if (refused) {
    return {
      id, name, alarms, tone: "bad", why: `A Mercafácil recusa o token desde ${words.since(refused.since)}.`,
      tell: admin ? "Peça o token novo à Mercafácil e grave-o na configuração. As vendas esperam e seguem sozinhas." : "Diga à loja: é preciso um token novo da Mercafácil. As vendas esperam e seguem sozinhas.",
      mend: admin ? ["#/configuracao/mercafacil", "Trocar o token"] : null,
    };
  }
  if (!mercafacil.online) {
    const reason = mercafacil.reason ? ` (${words.jobReason(mercafacil.reason)})` : "";
    return {
      id, name, alarms, tone: "bad", why: `Sem contato desde ${words.since(status.since)}${reason}.`,
      tell: "Diga à loja: pode vender. As vendas ficam guardadas neste computador e seguem sozinhas. Se só este caixa está assim, confira a internet dele.",
      mend: ["#/diario?lado=cloud&falhas=1", "Ver as tentativas"],
    };
  }
  if (paused.length > 0) {
    return { id, name, alarms, tone: "warn", why: `Ela recusa tudo de um tipo: ${paused.map((a) => words.jobKind(a.subject)).join(", ")}.`, tell: words.advice(paused[0].detail), mend: ["#/diario?lado=cloud&falhas=1", "Ver as respostas"] };
  }
  if (busy) return { id, name, alarms, tone: "warn", why: "Ela pediu que se espere.", tell: words.advice(busy.detail) };
  const last = status.last_outage ? ` A última queda foi de ${words.time(status.last_outage.from)} a ${words.time(status.last_outage.to)}.` : "";
  return { id, name, tone: "ok", why: `Em contato desde ${words.since(status.since)}.${last}` };
}

/** waitsLong is how old the oldest of the queue may be, in milliseconds, before the light turns. */
const waitsLong = 10 * 60_000;

function queue({ status, now }) {
  const name = "Fila", id = "fila", q = status.queue;
  const codes = ["dead_jobs", "held_jobs", "unread_bodies", "store_full"], alarms = status.alarms.filter((a) => codes.includes(a.code));
  const unread = at(status.alarms, "unread_bodies"), full = at(status.alarms, "store_full");
  if (full) return { id, name, alarms, tone: "bad", why: "Não há mais espaço para guardar vendas.", tell: "Libere espaço no disco deste computador, ou aumente o limite do banco de dados.", mend: ["#/configuracao/store", "Ver o limite"] };
  const asks = [[q.held, "retido", "retidos"], [q.dead, "recusado", "recusados"]].filter(([n]) => n > 0).map(([n, one, more]) => words.many(n, "registro " + one, "registros " + more));
  if (unread) asks.push("o que o caixa enviou não pôde ser lido");
  const all = q.held + q.dead;
  if (asks.length > 0) return { id, name, alarms, tone: "warn", short: all > 0 ? `${words.many(all, "pendência espera", "pendências esperam")} por alguém` : "O caixa enviou algo que não pôde ser lido", why: `Alguém precisa decidir: ${asks.join("; ")}.`, tell: "O resto da fila segue.", mend: ["#/pendencias", "Resolver"] };
  if (q.pending === 0) return { id, name, tone: "ok", why: "Nada espera para ser enviado." };
  const old = q.oldest_at && now - new Date(q.oldest_at) > waitsLong;
  return { id, name, tone: old && status.online ? "warn" : "ok", why: `${words.many(q.pending, "registro espera", "registros esperam")} para ser enviado${q.pending === 1 ? "" : "s"}, o mais antigo desde ${words.since(q.oldest_at ?? now)}.`, mend: ["#/vendas", "Ver as vendas"] };
}

/** runsLong is how long a routine may run before it seems stuck, in milliseconds. */
const runsLong = 60 * 60_000;

function clocked({ status, routines, now }) {
  const id = "rotinas", name = "Rotinas", alarms = status.alarms.filter((a) => a.code === "load_refused");
  const stuck = routines.find((r) => r.running && now - new Date(r.running.started_at) > runsLong);
  if (stuck) return [{ id, name, alarms, tone: "warn", why: `${words.routineName(stuck.name)} roda há ${words.lasted(now - new Date(stuck.running.started_at))}.`, tell: "Se o número de registros não muda, reinicie o serviço pdvagent: ela recomeça de onde parou.", mend: [`#/rotinas/${stuck.name}`, "Acompanhar"] }];
  const failed = routines.filter((r) => r.last?.state === "failed");
  if (failed.length > 0 || alarms.length > 0) {
    const first = failed[0]?.name ?? alarms[0].subject;
    const others = failed.length > 1 ? ` E mais ${words.many(failed.length - 1, "rotina", "rotinas")}.` : "";
    return [{ id, name, alarms, tone: "warn", short: `${words.routineName(first)}: a última vez falhou`, why: `${words.routineName(first)} falhou${failed[0] ? " às " + words.time(failed[0].last.ended_at) : ""}: ${failed[0]?.last.errors[0] ?? alarms[0].detail}${others}`, mend: [`#/rotinas/${first}`, "Ver e rodar de novo"] }];
  }
  const next = routines.filter((r) => r.next_at).sort((a, b) => new Date(a.next_at) - new Date(b.next_at))[0];
  return [{ id, name, tone: "ok", why: next ? `Todas em ordem. A próxima: ${words.routineName(next.name)}, às ${words.time(next.next_at)}.` : "Todas em ordem." }];
}

function disk({ status }) {
  const id = "disco", name = "Banco de dados", codes = ["store_salvaged", "store_cloned", "store_damaged", "backup_copy"];
  const alarms = status.alarms.filter((a) => codes.includes(a.code));
  if (alarms.length > 0) return { id, name, alarms, tone: alarms.some((a) => a.code !== "backup_copy") ? "bad" : "warn", why: words.advice(alarms[0].detail), tell: alarms[0].code === "backup_copy" ? "As vendas seguem." : "Neste computador, pdvagent doctor diz mais." };
  const { bytes, max_bytes: most } = status.store, used = `${words.size(bytes)} de ${words.size(most)} em uso.`;
  if (bytes > 0.8 * most) return { id, name, tone: "warn", why: used, tell: "Está perto do limite. Aumente store.max_mb na configuração.", mend: ["#/configuracao/store", "Ver o limite"] };
  return { id, name, tone: "ok", why: used };
}

function clock({ status }) {
  const id = "relogio", name = "Relógio", alarms = status.alarms.filter((a) => a.code === "clock_suspect" || a.code === "till_clock");
  if (alarms.length === 0) return { id, name, tone: "ok", why: "Em ordem." };
  return { id, name, alarms, tone: "warn", why: words.advice(alarms[0].detail), tell: "Diga à loja: acerte a data e a hora do computador e ligue o ajuste automático pela internet." };
}

function certificate({ status, boletos }) {
  const id = "certificado", name = "Certificado", alarms = status.alarms.filter((a) => a.code === "certificate_expiring");
  if (alarms.length > 0) return { id, name, alarms, tone: "bad", why: words.advice(alarms[0].detail), tell: "Diga à loja: peça um certificado A1 novo e envie o arquivo .pfx a quem cuida da configuração." };
  return boletos && { id, name, tone: "ok", why: "O certificado da loja no Sicoob está em ordem." };
}

function providers({ status, pix, boletos, orders }) {
  const alarms = (codes, wanted = () => true) => status.alarms.filter((a) => codes.includes(a.code) && wanted(a));
  const decide = (id, name, list, own, href) => {
    if (!list) return { id, name, tone: "off", why: "Não usado neste caixa.", alarms: own };
    const refused = own.find((a) => a.code === "cloud_unauthorized");
    if (refused) return { id, name, alarms: own, tone: "bad", why: words.advice(refused.detail), mend: ["#/configuracao/payments", "Ver a configuração"] };
    if (list.length > 0) return { id, name, alarms: own, tone: "warn", why: `${words.many(list.length, "pede", "pedem")} uma decisão.`, mend: [href, "Resolver"] };
    if (own.length > 0) return { id, name, alarms: own, tone: "warn", why: words.advice(own[0].detail), mend: [href, "Ver"] };
    return { id, name, tone: "ok", why: "Em ordem. Nada pede uma decisão." };
  };
  const orderIDs = new Set((orders ?? []).map((o) => o.agent.id));
  const isOrder = (a) => orderIDs.has(a.subject) || /pedido/.test(a.detail);
  return [
    decide("pix", "Pix e títulos", pix, [...alarms(["payment_attention"], (a) => !isOrder(a)), ...alarms(["cloud_unauthorized"], (a) => a.subject && a.subject !== "sicoob" && a.subject !== "cashorder")], "#/pagamentos"),
    decide("boletos", "Boletos", boletos, [...alarms(["boleto_review", "settlement_unclear"]), ...alarms(["cloud_unauthorized"], (a) => a.subject === "sicoob")], "#/pagamentos/boletos"),
    decide("pedidos", "Pedidos com cartão", orders, [...alarms(["payment_attention"], isOrder), ...alarms(["cloud_unauthorized"], (a) => a.subject === "cashorder")], "#/pagamentos/pedidos"),
  ];
}

/** tried is about a change of the configuration that nobody kept. */
function tried({ status, admin }) {
  const alarm = at(status.alarms, "config_trial"), id = "configuracao", name = "Configuração";
  return alarm && { id, name, alarms: [alarm], tone: "warn", short: "Uma mudança da configuração não foi confirmada", why: alarm.detail, tell: admin ? "" : "Quem tem o acesso de administração decide.", mend: admin ? ["#/configuracao/experiencia", "Ver a mudança"] : null };
}

function other(alarm) {
  const titles = { discount_unconfirmed: "Descontos", sale_notes: "Vendas estranhas", shop_conflict: "Outra máquina" };
  const mends = { discount_unconfirmed: ["#/conferencia", "Conferir o dia"], sale_notes: ["#/conferencia", "Conferir o dia"] };
  return { id: alarm.code + alarm.subject, name: titles[alarm.code] ?? "Aviso", alarms: [alarm], tone: "warn", why: words.advice(alarm.detail), mend: mends[alarm.code] };
}

/** sentence says in one sentence how the till is. */
export function sentence({ status, lastSale }, list) {
  const worst = list.find((l) => l.tone === "bad") ?? list.find((l) => l.tone === "warn");
  if (worst?.id === "nuvem" && worst.tone === "bad" && status.alarms.some((a) => a.code === "cloud_unauthorized" && !a.subject)) return { tone: "bad", text: worst.why.replace(/\.$/, ""), more: waiting(status) };
  if (worst?.id === "nuvem" && worst.tone === "bad") return { tone: "bad", text: `Sem contato com a Mercafácil desde ${words.since(status.since)}`, more: waiting(status) };
  if (worst) {
    const others = list.filter((l) => l !== worst && (l.tone === "bad" || l.tone === "warn")).length;
    return { tone: worst.tone, text: worst.short ?? `${worst.name}: ${lower(worst.why).replace(/\.$/, "")}`, more: others > 0 ? `Há também ${words.many(others, "outro aviso", "outros avisos")} abaixo.` : "O resto está em ordem." };
  }
  if (status.clouds.length === 0) return { tone: "ok", text: "Tudo certo", more: "Este caixa não usa a Mercafácil." };
  if (!lastSale) return { tone: "ok", text: "Tudo certo: em contato com a Mercafácil", more: "Nenhuma venda chegou a ela nos últimos dias." };
  return { tone: "ok", text: `Tudo certo: a última venda chegou à Mercafácil ${/\//.test(words.time(lastSale)) ? "em" : "às"} ${words.time(lastSale)}` };
}

const waiting = (status) => (status.queue.pending > 0 ? `${words.many(status.queue.pending, "registro guardado segue sozinho", "registros guardados seguem sozinhos")} depois. Pode vender.` : "Pode vender: as vendas ficam guardadas e seguem sozinhas depois.");

const lower = (text) => text.slice(0, 1).toLowerCase() + text.slice(1);

// Acessos: who has the console open, and how to end that.
import { h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, empty, head, moment, table } from "../parts.js";

export async function show(view) {
  const { sessions } = await api.get("/v1/console/sessions", { signal: view.signal });
  view.put(head("Acessos", "Quem está com este console aberto. Um acesso acaba depois de 30 minutos sem uso, ou de 8 horas."),
    sessions.length === 0 ? empty("Nenhum acesso aberto") : table("Acessos abertos", ["Quem", { name: "Permissão", class: "tight" }, { name: "Entrou", class: "tight" }, { name: "Último uso", class: "tight" }, { name: "Acaba", class: "tight" }, { name: h("span", { class: "unseen" }, "Encerrar"), class: "tight" }],
      sessions.map((s) => [[s.name, s.current && [" ", badge("info", "este")]], words.scopes[s.scope] ?? s.scope, moment(s.opened_at), moment(s.used_at), moment(s.expires_at), !s.current && button("encerrar-" + s.id, "Encerrar", () => end(view, s), "danger")])));
}

async function end(view, session) {
  await ask({
    title: `Encerrar o acesso de ${session.name}?`, danger: true, button: "Encerrar",
    body: [h("p", {}, "Quem o usa volta à tela de entrada. O que estava digitado lá não se perde. Para que não entre de novo, troque o token dele na configuração.")],
    act: async () => {
      await api.request("DELETE", "/v1/console/sessions/" + encodeURIComponent(session.id));
      say("Acesso encerrado.");
    },
  });
  view.reload();
}

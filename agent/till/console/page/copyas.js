// A call as the program of a till would make it, in ten languages. A request is {method, url, headers: [[name, value]], body}; body is
// a text, or undefined for none. A secret is {{NAME}} in the url or a header: the program has a constant of that name to fill in.
// program() takes several requests, so that a test compiles them as one.
import * as json from "./json.js";

/** languages are what a call can be copied as: code, name. */
export const languages = [["curl", "curl"], ["powershell", "PowerShell"], ["csharp", "C#"], ["java", "Java"], ["delphi", "Delphi (System.Net.HttpClient)"], ["lazarus", "Lazarus (fphttpclient)"], ["vb6", "VB6 (WinHttp)"], ["php", "PHP"], ["python", "Python"], ["harbour", "Harbour"]];

/** requestOf makes a request of a line of the journal: what was masked stays masked. */
export function requestOf(line, node, origin) {
  const cloud = line.side === "cloud", body = json.member(json.member(node, "request"), "json");
  return {
    method: line.method, url: cloud ? "{{BASE_DA_NUVEM}}/" + line.route.replace(/^\//, "") : origin + line.route, body: body && json.print(body, ""),
    headers: [["Authorization", cloud ? "{{TOKEN_DA_NUVEM}}" : "Bearer {{TOKEN_DO_CAIXA}}"], ...(body ? [["Content-Type", "application/json"]] : [])],
  };
}

/** program gives the source text. */
export const program = (language, requests) => writers[language](requests, names(requests));

const secret = /\{\{(\w+)\}\}/;

const names = (requests) => [...new Set(requests.flatMap((r) => [r.url, ...r.headers.map(([, value]) => value)]).flatMap((text) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1])))];

/** parts writes a text with secrets: texts by quote, names by name, put together by join. */
const parts = (text, quote, join, name = (n) => n) => text.split(secret).map((part, i) => (i % 2 ? name(part) : part && quote(part))).filter((part) => part !== "").join(join) || quote("");

const call = (requests, i) => (requests.length === 1 ? "chamada" : "chamada" + (i + 1));

/** pieces cuts a text for languages that know only short lines. */
const pieces = (text, size = 180) => text.match(new RegExp(`[^]{1,${size}}`, "gu")) ?? [""];

const kind = ([name]) => /^content-type$/i.test(name);

/** backslashes is a literal of C's family; what is not ASCII is written as \uXXXX, so that the source's encoding does not matter. */
const backslashes = (text) => '"' + [...text].map((c) => ({ '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" })[c] ?? (c < " " || c > "~" ? utf16(c).map((u) => "\\u" + u.toString(16).padStart(4, "0")).join("") : c)).join("") + '"';

const utf16 = (c) => [...Array(c.length).keys()].map((i) => c.charCodeAt(i));
const utf8 = (text) => [...new TextEncoder().encode(text)];

/** runs writes a text as quoted runs of what may be quoted, and all other characters by code(c). */
const runs = (text, { may, quote, code, join }) => (text.match(new RegExp(`${may.source}+|[^]`, "gu")) ?? [""]).map((run) => (run === "" || new RegExp(`^${may.source}+$`, "u").test(run) ? quote(run) : code(run))).join(join);

const shell = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

const indent = (lines, by = "    ") => lines.filter((l) => l).map((l) => by + l).join("\n");

const writers = {
  curl: (requests, secrets) => [...secrets.map((n) => `${n}='cole aqui'`), ...requests.map((r) => [`curl -sS -X ${r.method} ${parts(r.url, shell, "", (n) => `"$${n}"`)}`,
    ...r.headers.map(([name, value]) => `-H ${shell(name + ": ")}${parts(value, shell, "", (n) => `"$${n}"`)}`), ...(r.body === undefined ? [] : ["--data-binary " + shell(r.body)])].join(" \\\n  "))].join("\n") + "\n",

  powershell: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[ -~]/, quote: (t) => `'${t.replaceAll("'", "''")}'`, code: (c) => utf16(c).map((u) => `[char]${u}`).join(" + "), join: " + " });
    return [...secrets.map((n) => `$${n} = 'cole aqui'`), ...requests.flatMap((r) => {
      const type = r.headers.find(kind);
      return [r.body !== undefined && `$corpo = [Text.Encoding]::UTF8.GetBytes([string](${pieces(r.body).map(quote).join(" +\n  ")}))`,
        `$cabecalhos = @{ ${r.headers.filter((h) => !kind(h)).map(([name, value]) => `'${name}' = [string](${parts(value, quote, " + ", (n) => "$" + n)})`).join("; ")} }`,
        `Invoke-WebRequest -UseBasicParsing -Method ${r.method} -Uri (${parts(r.url, quote, " + ", (n) => "$" + n)}) -Headers $cabecalhos${type ? ` -ContentType '${type[1]}'` : ""}${r.body === undefined ? "" : " -Body $corpo"} | Select-Object StatusCode, Content`].filter(Boolean);
    })].join("\n") + "\n";
  },

  csharp: (requests, secrets) => `using System;
using System.Net.Http;
using System.Text;

static class Programa
{
${indent(secrets.map((n) => `const string ${n} = "cole aqui";`))}

${requests.map((r, i) => `    static void ${call(requests, i)}(HttpClient cliente)
    {
        var pedido = new HttpRequestMessage(new HttpMethod("${r.method}"), ${parts(r.url, backslashes, " + ")});
${indent([r.body !== undefined && `pedido.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(${pieces(r.body).map(backslashes).join(" +\n            ")}));`,
    ...r.headers.map((h) => `${kind(h) ? "if (pedido.Content != null) pedido.Content" : "pedido"}.Headers.TryAddWithoutValidation("${h[0]}", ${parts(h[1], backslashes, " + ")});`)], "        ")}
        var resposta = cliente.SendAsync(pedido).Result;
        Console.WriteLine((int)resposta.StatusCode + " " + resposta.Content.ReadAsStringAsync().Result);
    }`).join("\n\n")}

    static void Main()
    {
        var cliente = new HttpClient();
${indent(requests.map((_, i) => call(requests, i) + "(cliente);"), "        ")}
    }
}
`,

  java: (requests, secrets) => `import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

public class Programa {
${indent(secrets.map((n) => `static final String ${n} = "cole aqui";`))}

${requests.map((r, i) => `    static void ${call(requests, i)}(HttpClient cliente) throws Exception {
        HttpRequest pedido = HttpRequest.newBuilder(URI.create(${parts(r.url, backslashes, " + ")}))
${indent([...r.headers.map(([name, value]) => `.header("${name}", ${parts(value, backslashes, " + ")})`),
    `.method("${r.method}", ${r.body === undefined ? "HttpRequest.BodyPublishers.noBody()" : `HttpRequest.BodyPublishers.ofByteArray((${pieces(r.body).map(backslashes).join(" +\n                ")}).getBytes(StandardCharsets.UTF_8))`})`], "            ")}
            .build();
        HttpResponse<String> resposta = cliente.send(pedido, HttpResponse.BodyHandlers.ofString());
        System.out.println(resposta.statusCode() + " " + resposta.body());
    }`).join("\n\n")}

    public static void main(String[] args) throws Exception {
        HttpClient cliente = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
${indent(requests.map((_, i) => call(requests, i) + "(cliente);"), "        ")}
    }
}
`,

  delphi: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[ -~]/, quote: (t) => `'${t.replaceAll("'", "''")}'`, code: (c) => utf16(c).map((u) => "#" + u).join(""), join: "" });
    return `program Programa;
{$APPTYPE CONSOLE}
uses System.SysUtils, System.Classes, System.Net.HttpClient, System.Net.URLClient;

const
${indent(secrets.map((n) => `${n} = 'cole aqui';`), "  ")}
${requests.map((r, i) => `
procedure ${call(requests, i)}(Cliente: THTTPClient);
var
  Corpo: TBytesStream;
  Resposta: IHTTPResponse;
begin
  Corpo := TBytesStream.Create(TEncoding.UTF8.GetBytes(${pieces(r.body ?? "").map(quote).join(" +\n    ")}));
  try
    Resposta := Cliente.Execute('${r.method}', ${parts(r.url, quote, " + ")}, ${r.body === undefined ? "nil" : "Corpo"}, nil,
      [${r.headers.map(([name, value]) => `TNetHeader.Create('${name}', ${parts(value, quote, " + ")})`).join(",\n       ")}]);
    Writeln(Resposta.StatusCode, ' ', Resposta.ContentAsString(TEncoding.UTF8));
  finally
    Corpo.Free;
  end;
end;
`).join("")}
var
  Cliente: THTTPClient;
begin
  Cliente := THTTPClient.Create;
  try
${indent(requests.map((_, i) => call(requests, i) + "(Cliente);"))}
  finally
    Cliente.Free;
  end;
end.
`;
  },

  lazarus: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[ -~]/, quote: (t) => `'${t.replaceAll("'", "''")}'`, code: (c) => utf8(c).map((u) => "#" + u).join(""), join: "" });
    return `program Programa;
{$mode objfpc}{$H+}
uses SysUtils, Classes, fphttpclient;

const
${indent(secrets.map((n) => `${n} = 'cole aqui';`), "  ")}
${requests.map((r, i) => `
procedure ${call(requests, i)};
var
  Cliente: TFPHTTPClient;
  Resposta: TStringStream;
begin
  Cliente := TFPHTTPClient.Create(nil);
  Resposta := TStringStream.Create('');
  try
${indent([...r.headers.map(([name, value]) => `Cliente.AddHeader('${name}', ${parts(value, quote, " + ")});`), r.body !== undefined && `Cliente.RequestBody := TStringStream.Create(${pieces(r.body).map(quote).join(" +\n      ")});`,
    `Cliente.HTTPMethod('${r.method}', ${parts(r.url, quote, " + ")}, Resposta, []);`, "Writeln(Cliente.ResponseStatusCode, ' ', Resposta.DataString);"])}
  finally
    Cliente.RequestBody.Free;
    Resposta.Free;
    Cliente.Free;
  end;
end;
`).join("")}
begin
${indent(requests.map((_, i) => call(requests, i) + ";"), "  ")}
end.
`;
  },

  vb6: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[ -~]/, quote: (t) => `"${t.replaceAll('"', '""')}"`, code: (c) => utf16(c).map((u) => `ChrW(${u > 32767 ? u - 65536 : u})`).join(" & "), join: " & " });
    return `Option Explicit
${secrets.map((n) => `Const ${n} = "cole aqui"`).join("\n")}

Function Utf8(ByVal Texto As String) As Byte()
    With CreateObject("ADODB.Stream")
        .Type = 2: .Charset = "utf-8": .Open: .WriteText Texto
        .Position = 0: .Type = 1: .Position = 3 ' depois da marca que o ADODB escreve
        Utf8 = .Read
    End With
End Function
${requests.map((r, i) => `
Sub ${call(requests, i)}()
    Dim Corpo As String
${indent(pieces(r.body ?? "").map((p) => `Corpo = Corpo & ${quote(p)}`))}
    With CreateObject("WinHttp.WinHttpRequest.5.1")
        .Open "${r.method}", ${parts(r.url, quote, " & ")}, False
${indent(r.headers.map(([name, value]) => `.SetRequestHeader "${name}", ${parts(value, quote, " & ")}`), "        ")}
        ${r.body ? ".Send Utf8(Corpo)" : ".Send"}
        Debug.Print .Status & " " & .ResponseText
    End With
End Sub
`).join("")}`;
  },

  php: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[^\r\n]/, quote: (t) => `'${t.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`, code: (c) => (c === "\r" ? '"\\r"' : '"\\n"'), join: " . " });
    return `<?php
${secrets.map((n) => `$${n} = 'cole aqui';`).join("\n")}
${requests.map((r) => `
$contexto = stream_context_create(['http' => [
    'method' => '${r.method}', 'ignore_errors' => true, 'protocol_version' => 1.1,
    'header' => [${r.headers.map(([name, value]) => parts(`${name}: ${value}`, quote, " . ", (n) => "$" + n)).join(", ")}, 'Connection: close'],
${r.body === undefined ? "" : `    'content' => ${pieces(r.body).map(quote).join(" .\n        ")},\n`}]]);
echo file_get_contents(${parts(r.url, quote, " . ", (n) => "$" + n)}, false, $contexto), "\\n", $http_response_header[0], "\\n";
`).join("")}`;
  },

  python: (requests, secrets) => `import urllib.error
import urllib.request

${secrets.map((n) => `${n} = "cole aqui"`).join("\n")}
${requests.map((r) => `
pedido = urllib.request.Request(${parts(r.url, JSON.stringify, " + ")}, method="${r.method}", headers={${r.headers.map(([name, value]) => `"${name}": ${parts(value, JSON.stringify, " + ")}`).join(", ")}}${r.body === undefined ? "" : `,
    data=(${pieces(r.body).map((p) => JSON.stringify(p)).join("\n        ")}).encode("utf-8")`})
try:
    resposta = urllib.request.urlopen(pedido)
except urllib.error.HTTPError as erro:
    resposta = erro
print(resposta.status, resposta.read().decode("utf-8"))
`).join("")}`,

  harbour: (requests, secrets) => {
    const quote = (text) => runs(text, { may: /[ !#-&(-~]/, quote: (t) => `"${t}"`, code: (c) => utf8(c).map((u) => `Chr(${u})`).join(" + "), join: " + " });
    return `// hbmk2 programa.prg hbtip.hbc
PROCEDURE Main()
   LOCAL oHttp, cCorpo
${indent(secrets.map((n) => `LOCAL ${n} := "cole aqui"`), "   ")}
${requests.map((r) => `
   cCorpo := ""
${indent(pieces(r.body ?? "").map((p) => `cCorpo += ${quote(p)}`), "   ")}
   oHttp := TIPClientHTTP():New(${parts(r.url, quote, " + ")})
${indent(r.headers.map(([name, value]) => `oHttp:hFields["${name}"] := ${parts(value, quote, " + ")}`), "   ")}
   IF oHttp:Open()
      ${r.method === "GET" ? "? oHttp:ReadAll()" : r.method === "POST" ? "oHttp:Post(cCorpo)\n      ? oHttp:ReadAll()" : `oHttp:Request("${r.method}", cCorpo)\n      ? oHttp:ReadAll()`}
      oHttp:Close()
   ENDIF
`).join("")}RETURN
`;
  },
};

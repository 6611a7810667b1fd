// Uma venda inteira pelo pdvagent: C#, .NET Framework 4.5, .NET ou Mono. Uso: PDVAGENT_TOKEN=... Venda.exe CUPOM [CPF]
// Um programa de verdade usa a sua biblioteca de JSON; aqui bastam algumas expressões.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net.Http;
using System.Text;
using System.Text.RegularExpressions;

static class Venda
{
    static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(35) };
    static readonly string Url = Environment.GetEnvironmentVariable("PDVAGENT_URL") ?? "http://127.0.0.1:8780";
    static readonly string[] Items =
    {
        "'sku':'80215','ean':'7890000000017','product_name':'CAFE 500G','quantity':3,'packing_quantity':1,'unit_value':10.00,'total_value':30.00",
        "'sku':'411','ean':'2000411000000','product_name':'QUEIJO KG','quantity':1.235,'packing_quantity':1,'unit_value':29.90,'total_value':36.93",
    };

    static string Api(string path, string body)
    {
        var answer = Http.PostAsync(Url + path, new StringContent(body.Replace('\'', '"'), Encoding.UTF8, "application/json")).Result;
        var text = answer.Content.ReadAsStringAsync().Result;
        if (answer.IsSuccessStatusCode) return text;
        Console.Error.WriteLine(All(text, "\"detail\":\"([^\"]*)\"").FirstOrDefault() ?? text); // problem+json: a frase para o operador
        Environment.Exit(1);
        return null;
    }

    static List<string> All(string text, string pattern)
    {
        return Regex.Matches(text, pattern).Cast<Match>().Select(m => m.Groups[1].Value).ToList();
    }

    static bool IsTrue(string text, string field) { return Regex.IsMatch(text, "\"" + field + "\":\\s*true"); }

    // Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder.
    static void Talk(string answer, string session)
    {
        while (IsTrue(answer, "should_display_message"))
        {
            Console.WriteLine(string.Concat(All(answer, "\"text\":\\s*\"([^\"]*)\"")));
            var buttons = All(answer, "({(?:[^{}]|{[^{}]*})*\"tag\"(?:[^{}]|{[^{}]*})*})");
            for (var i = 0; i < buttons.Count; i++) Console.WriteLine(i + 1 + " = " + All(buttons[i], "\"button\":\\s*\"([^\"]*)\"")[0]);
            var input = Regex.IsMatch(answer, "\"input\":\\s*(?!false|null|\"\"|0\\b)\\S");
            if (buttons.Count == 0 && !input) return; // um aviso: nada a responder
            var value = input ? (Console.ReadLine() ?? "").Trim() : "";
            var button = "";
            if (buttons.Count > 0)
            {
                var choice = (Console.ReadLine() ?? "").Trim();
                if (choice == "") return;
                button = buttons[int.Parse(choice) - 1];
            }
            var tag = string.Concat(All(button, "\"tag\":\\s*\"([^\"]*)\""));
            answer = Api("/v2.2/transaction/message", "{'transaction_id':'" + session + "','tag':'" + tag + "','input_value':'" + value + "'}");
            if (IsTrue(button, "end_message_flow")) return;
        }
    }

    // Um valor da nuvem como o caixa o cobra: em centavos, o meio centavo para cima.
    static decimal Cents(string text)
    {
        return Math.Round(decimal.Parse(text, CultureInfo.InvariantCulture), 2, MidpointRounding.AwayFromZero);
    }

    static string Text(decimal value) { return value.ToString("0.00", CultureInfo.InvariantCulture); }

    static void Main(string[] args)
    {
        Http.DefaultRequestHeaders.Add("Authorization", "Bearer " + Environment.GetEnvironmentVariable("PDVAGENT_TOKEN"));
        var document = args.Length > 1 ? args[1] : "52998224725";
        var start = Api("/v2.2/transaction/start", "{'transaction_context':{'document_no':'" + document + "','phone':''},'transaction_id':''}");
        var session = All(start, "\"transaction_id\":\\s*\"([^\"]+)\"")[0];
        var id = "{'transaction_id':'" + session + "'";
        Talk(start, session);
        Talk(Api("/v2.2/transaction/pre-apply", id + ",'origin':'pdv','items':[{" + string.Join("},{", Items) + "}]}"), session);
        var apply = Api("/v2.2/transaction/apply", id + "}");
        Api("/v2.2/transaction/confirm", id + "}");

        // agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
        var totals = All(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        var total = totals.Sum(t => Cents(t));
        var cashback = All(apply, "\"payment_discount\":\\s*{\\s*\"discount_value\":\\s*\"?([0-9.]+)").Sum(t => Cents(t));
        var lines = Items.Select((item, i) => "{" + item + ",'total_value_with_discount':" + Text(Cents(totals[i])) + "}");
        var payments = "{'payment_form':'cash','amount':" + Text(total - cashback) + ",'instalments':1}";
        if (cashback > 0) payments += ",{'payment_form':'cashback','amount':" + Text(cashback) + ",'instalments':1}";
        Console.WriteLine(Api("/v2/coupons", id + ",'client_id':'" + (IsTrue(start, "loyalty") ? document : "0") + "','coupon':'" + args[0] + "','date':'2026-05-14','time':'19:12:46','items':["
            + string.Join(",", lines) + "],'payments':[" + payments + "],'total_value':66.93,'total_value_with_discount':" + Text(total)
            + ",'origin':'pdv','pdv_code':'012','operator_id':'0123'}"));
    }
}

// Uma venda inteira pelo pdvagent: C#, .NET Framework 4.5, .NET ou Mono. Uso: PDVAGENT_TOKEN=... Venda.exe CUPOM
// Um programa de verdade usa a sua biblioteca de JSON; aqui bastam duas expressões.
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

    static decimal Money(string text) { return decimal.Parse(text, CultureInfo.InvariantCulture); }

    static string Text(decimal value) { return value.ToString(CultureInfo.InvariantCulture); }

    static void Main(string[] args)
    {
        Http.DefaultRequestHeaders.Add("Authorization", "Bearer " + Environment.GetEnvironmentVariable("PDVAGENT_TOKEN"));
        var start = Api("/v2/transaction/start", "{'document_no':'52998224725'}");
        var session = All(start, "\"transaction_id\":\\s*\"([^\"]+)\"")[0];
        var member = Regex.IsMatch(start, "\"loyalty\":\\s*true");
        var who = "'transaction_id':'" + session + "','client_id':'" + (member ? "52998224725" : "0") + "'";
        var apply = Api("/v2/transaction/apply", "{" + who + ",'origin':'pdv','items':[{" + string.Join("},{", Items) + "}]}");
        Api("/v2/transaction/confirm", "{'transaction_id':'" + session + "'}");

        // agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
        var totals = All(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        var total = totals.Sum(t => Money(t));
        var cashback = All(apply, "\"payment_discount\":\\s*{\\s*\"discount_value\":\\s*\"?([0-9.]+)").Sum(t => Money(t));
        var lines = Items.Select((item, i) => "{" + item + ",'total_value_with_discount':" + totals[i] + "}");
        var payments = "{'payment_form':'cash','amount':" + Text(total - cashback) + ",'instalments':1}";
        if (cashback > 0) payments += ",{'payment_form':'cashback','amount':" + Text(cashback) + ",'instalments':1}";
        Console.WriteLine(Api("/v2/coupons", "{" + who + ",'coupon':'" + args[0] + "','date':'2026-05-14','time':'19:12:46','items':["
            + string.Join(",", lines) + "],'payments':[" + payments + "],'total_value':66.93,'total_value_with_discount':" + Text(total)
            + ",'origin':'pdv','pdv_code':'012','operator_id':'0123'}"));
    }
}

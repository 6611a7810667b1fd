// A till that sells 200 times, in C#'s doubles written as .NET's own JSON writer does: ToString("R").
// Till.exe NAME DATE: prints how many sales it made, and their gross, net and paid sums. README.md has the sales.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net.Http;
using System.Text;
using System.Text.RegularExpressions;

class Line
{
    public string Sku;
    public double Quantity, Price, Total, Net;

    public override string ToString()
    {
        return "{'sku':'" + Sku + "','ean':'20000" + Sku + "','product_name':'PRODUTO " + Sku + "','quantity':" + Till.Text(Quantity)
            + ",'packing_quantity':1,'unit_value':" + Till.Text(Price) + ",'total_value':" + Till.Text(Total)
            + ",'total_value_with_discount':" + Till.Text(Net) + "}";
    }
}

static class Till
{
    static readonly HttpClient Http = new HttpClient();
    static double gross, net, paid;

    public static string Text(double value) { return value.ToString("R", CultureInfo.InvariantCulture); }

    static double Number(string text) { return double.Parse(text, CultureInfo.InvariantCulture); }

    static double Cents(double value) { return Math.Round(value, 2, MidpointRounding.AwayFromZero); }

    static string Call(string path, string body)
    {
        var answer = Http.PostAsync(Environment.GetEnvironmentVariable("PDVAGENT_URL") + path,
            new StringContent(body.Replace('\'', '"'), Encoding.UTF8, "application/json")).Result;
        var text = answer.Content.ReadAsStringAsync().Result;
        if (answer.IsSuccessStatusCode) return text;
        Console.Error.WriteLine(path + " " + body + "\n" + text);
        Environment.Exit(1);
        return null;
    }

    static List<string> All(string text, string pattern)
    {
        return Regex.Matches(text, pattern).Cast<Match>().Select(m => m.Groups[1].Value).ToList();
    }

    static Line NewLine(string sku, double quantity, double price, double total)
    {
        return new Line { Sku = sku, Quantity = quantity, Price = price, Total = total, Net = total };
    }

    static List<Line> Basket(int i)
    {
        double quantity = 1 + i % 5, price = new[] { 10.00, 5.49, 3.33, 29.90, 0.99, 7.15 }[i % 6];
        var lines = new List<Line> { NewLine("90" + i % 6, quantity, price, Cents(quantity * price)) };
        if (i % 2 == 0) // weighed
        {
            double kilos = 0.305 + i % 40 * 0.025;
            lines.Add(NewLine("411", kilos, 39.90, i % 10 == 6 ? kilos * 39.90 : Cents(kilos * 39.90)));
        }
        if (i % 3 == 0) // the scale's label says what it costs
        {
            double label = (350 + i * 37 % 4000) / 100.0;
            lines.Add(NewLine("2411", label / 89.90, 89.90, label));
        }
        if (i % 17 == 5) lines.Add(NewLine("77", 1, -0.50, -0.50)); // a bottle comes back
        if (i % 4 == 1) lines[0].Net = Cents(lines[0].Total * 0.93);
        if (i % 4 == 2) lines[0].Net -= 0.40;
        return lines;
    }

    static string Tender(string form, double amount)
    {
        paid += amount;
        return "{'payment_form':'" + form + "','amount':" + Text(amount) + "}";
    }

    static string Tenders(int i, double due)
    {
        double half = Cents(due / 2);
        switch (i % 5)
        {
            case 0: return Tender("debit", half) + "," + Tender("cash", 50 + due - half) + "," + Tender("change", -50);
            case 1: return Tender("pix", due);
            case 2: return Tender("cash", Math.Ceiling(due / 50) * 50);
            case 3: return Tender("credit", Cents(due * 1.03)); // for 3 % more
            default: return Tender("cash", due);
        }
    }

    static void Sell(int i, string name, string date)
    {
        string document = new[] { "52998224725", "11222333000181", "" }[i % 3];
        string start = Call("/v2/transaction/start", "{'document_no':'" + document + "'}");
        string id = All(start, "\"transaction_id\":\\s*\"([^\"]+)\"")[0];
        string client = Regex.IsMatch(start, "\"loyalty\":\\s*true") ? document : "0";
        string who = "'transaction_id':'" + id + "','client_id':'" + client + "','origin':'pdv','items':[";
        var lines = Basket(i);
        string apply = Call("/v2/transaction/apply", "{" + who + string.Join(",", lines) + "]}");
        Call("/v2/transaction/confirm", "{'transaction_id':'" + id + "'}");
        var totals = All(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        for (int k = 0; k < lines.Count; k++) lines[k].Net = Cents(Number(totals[k]));
        if (i % 10 == 9) lines[0].Net += 1.10; // the surcharge stands in the receipt
        double total = lines.Sum(line => line.Total), due = lines.Sum(line => line.Net);
        if (i % 10 == 8) due -= 0.30; // a discount on the whole receipt stands in no line
        double cashback = All(apply, "\"payment_discount\":\\s*{\\s*\"discount_value\":\\s*\"?([0-9.]+)").Sum(text => Number(text));
        string payments = Tenders(i, due - cashback);
        if (cashback > 0) payments += "," + Tender("cashback", cashback);
        Call("/v2/coupons", "{" + who + string.Join(",", lines) + "],'coupon':'" + name + "-" + i + "','date':'" + date + "','time':'19:12:46','payments':["
            + payments + "],'total_value':" + Text(total) + ",'total_value_with_discount':" + Text(due) + ",'pdv_code':'" + name + "','operator_id':'0123'}");
        gross += total;
        net += due;
    }

    static void Main(string[] args)
    {
        Http.DefaultRequestHeaders.Add("Authorization", "Bearer " + Environment.GetEnvironmentVariable("PDVAGENT_TOKEN"));
        for (int i = 0; i < 200; i++) Sell(i, args[0], args[1]);
        Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "200 {0:F4} {1:F4} {2:F4}", gross, net, paid));
    }
}

// A till that sells 200 times, without a JSON library: the numbers are the text of Double (10.0) or of BigDecimal (1E+1).
// java Till.java double|decimal DATE: the name says which; prints how many sales it made, and their gross, net and paid sums.
// README.md has the sales.
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Till<N extends Number> {
    /** What numbers are: two shops' ways. */
    interface Arithmetic<N> {
        N of(String text);
        N plus(N a, N b);
        N times(N a, N b);
        N over(N a, N b);
        N cents(N a);
    }

    static final Arithmetic<Double> DOUBLE = new Arithmetic<>() {
        public Double of(String text) { return Double.valueOf(text); }
        public Double plus(Double a, Double b) { return a + b; }
        public Double times(Double a, Double b) { return a * b; }
        public Double over(Double a, Double b) { return a / b; }
        public Double cents(Double a) { return Math.round(a * 100) / 100.0; }
    };
    static final Arithmetic<BigDecimal> DECIMAL = new Arithmetic<>() {
        public BigDecimal of(String text) { return new BigDecimal(text); }
        public BigDecimal plus(BigDecimal a, BigDecimal b) { return a.add(b).stripTrailingZeros(); }
        public BigDecimal times(BigDecimal a, BigDecimal b) { return a.multiply(b).stripTrailingZeros(); }
        public BigDecimal over(BigDecimal a, BigDecimal b) { return a.divide(b, 10, RoundingMode.HALF_UP); }
        public BigDecimal cents(BigDecimal a) { return a.setScale(2, RoundingMode.HALF_UP).stripTrailingZeros(); }
    };

    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static String call(String path, String body) throws Exception {
        HttpResponse<String> answer = HTTP.send(HttpRequest.newBuilder(URI.create(System.getenv("PDVAGENT_URL") + path))
            .header("Authorization", "Bearer " + System.getenv("PDVAGENT_TOKEN")).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.replace('\'', '"'))).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            System.err.println(path + " " + body + "\n" + answer.body());
            System.exit(1);
        }
        return answer.body();
    }

    static List<String> all(String text, String pattern) {
        List<String> found = new ArrayList<>();
        for (Matcher m = Pattern.compile(pattern).matcher(text); m.find();) found.add(m.group(1));
        return found;
    }

    class Line {
        final String sku;
        final N quantity, price, total;
        N net;

        Line(String sku, N quantity, N price, N total) {
            this.sku = sku;
            this.quantity = quantity;
            this.price = price;
            this.total = this.net = total;
        }

        public String toString() {
            return "{'sku':'" + sku + "','ean':'20000" + sku + "','product_name':'PRODUTO " + sku + "','quantity':" + quantity
                + ",'packing_quantity':1,'unit_value':" + price + ",'total_value':" + total + ",'total_value_with_discount':" + net + "}";
        }
    }

    final Arithmetic<N> a;

    Till(Arithmetic<N> arithmetic) { a = arithmetic; }

    N of(Object text) { return a.of(text.toString()); }

    N less(N from, N what) { return a.plus(from, a.times(what, of(-1))); }

    List<Line> basket(int i) {
        List<Line> lines = new ArrayList<>();
        N quantity = of(1 + i % 5), price = of(new String[] {"10.00", "5.49", "3.33", "29.90", "0.99", "7.15"}[i % 6]);
        lines.add(new Line("90" + i % 6, quantity, price, a.cents(a.times(quantity, price))));
        if (i % 2 == 0) { // weighed
            N kilos = a.plus(of("0.305"), a.times(of(i % 40), of("0.025"))), total = a.times(kilos, of("39.90"));
            lines.add(new Line("411", kilos, of("39.90"), i % 10 == 6 ? total : a.cents(total)));
        }
        if (i % 3 == 0) { // the scale's label says what it costs
            N label = a.over(of(350 + i * 37 % 4000), of(100));
            lines.add(new Line("2411", a.over(label, of("89.90")), of("89.90"), label));
        }
        if (i % 17 == 5) lines.add(new Line("77", of(1), of("-0.50"), of("-0.50"))); // a bottle comes back
        Line first = lines.get(0);
        if (i % 4 == 1) first.net = a.cents(a.times(first.total, of("0.93")));
        if (i % 4 == 2) first.net = less(first.total, of("0.40"));
        return lines;
    }

    String tender(String form, N amount) {
        paid = a.plus(paid, amount);
        return "{'payment_form':'" + form + "','amount':" + amount + "}";
    }

    String tenders(int i, N due) {
        N half = a.cents(a.over(due, of(2)));
        switch (i % 5) {
            case 0: return tender("debit", half) + "," + tender("cash", a.plus(of(50), less(due, half))) + "," + tender("change", of(-50));
            case 1: return tender("pix", due);
            case 2: return tender("cash", of((int) Math.ceil(due.doubleValue() / 50) * 50));
            case 3: return tender("credit", a.cents(a.times(due, of("1.03")))); // for 3 % more
            default: return tender("cash", due);
        }
    }

    N gross, net, paid;

    void sell(int i, String name, String date) throws Exception {
        String document = new String[] {"52998224725", "11222333000181", ""}[i % 3];
        String start = call("/v2/transaction/start", "{'document_no':'" + document + "'}");
        String id = all(start, "\"transaction_id\":\\s*\"([^\"]+)\"").get(0);
        boolean member = !all(start, "(\"loyalty\":\\s*true)").isEmpty();
        String who = "'transaction_id':'" + id + "','client_id':'" + (member ? document : "0") + "','origin':'pdv','items':";
        List<Line> lines = basket(i);
        String apply = call("/v2/transaction/apply", "{" + who + lines + "}");
        call("/v2/transaction/confirm", "{'transaction_id':'" + id + "'}");
        List<String> totals = all(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        N total = of(0), due = of(0), cashback = of(0);
        for (int k = 0; k < lines.size(); k++) {
            Line line = lines.get(k);
            line.net = a.cents(of(totals.get(k)));
            if (k == 0 && i % 10 == 9) line.net = a.plus(line.net, of("1.10")); // the surcharge stands in the receipt
            total = a.plus(total, line.total);
            due = a.plus(due, line.net);
        }
        if (i % 10 == 8) due = less(due, of("0.30")); // a discount on the whole receipt stands in no line
        for (String value : all(apply, "\"payment_discount\":\\s*\\{\\s*\"discount_value\":\\s*\"?([0-9.]+)")) cashback = of(value);
        String payments = tenders(i, less(due, cashback));
        if (cashback.doubleValue() > 0) payments += "," + tender("cashback", cashback);
        call("/v2/coupons", "{" + who + lines + ",'coupon':'" + name + "-" + i + "','date':'" + date + "','time':'19:12:46','payments':[" + payments
            + "],'total_value':" + total + ",'total_value_with_discount':" + due + ",'pdv_code':'" + name + "','operator_id':'0123'}");
        gross = a.plus(gross, total);
        net = a.plus(net, due);
    }

    void run(String name, String date) throws Exception {
        gross = net = paid = of(0);
        for (int i = 0; i < 200; i++) sell(i, name, date);
        System.out.printf(Locale.ROOT, "200 %.4f %.4f %.4f%n", gross, net, paid);
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("decimal")) new Till<>(DECIMAL).run(args[0], args[1]);
        else new Till<>(DOUBLE).run(args[0], args[1]);
    }
}

// Uma venda inteira pelo pdvagent: Java 11 ou mais novo, sem bibliotecas. Uso: PDVAGENT_TOKEN=... java Venda.java CUPOM
// Um programa de verdade usa a sua biblioteca de JSON; aqui bastam duas expressões.
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Venda {
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static final String URL = System.getenv().getOrDefault("PDVAGENT_URL", "http://127.0.0.1:8780");
    static final String[] ITEMS = {
        "'sku':'80215','ean':'7890000000017','product_name':'CAFE 500G','quantity':3,'packing_quantity':1,'unit_value':10.00,'total_value':30.00",
        "'sku':'411','ean':'2000411000000','product_name':'QUEIJO KG','quantity':1.235,'packing_quantity':1,'unit_value':29.90,'total_value':36.93",
    };

    static String api(String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(URL + path)).timeout(Duration.ofSeconds(35))
            .header("Authorization", "Bearer " + System.getenv("PDVAGENT_TOKEN")).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.replace('\'', '"'))).build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) { // problem+json: detail é a frase para o operador
            System.err.println(all(answer.body(), "\"detail\":\"([^\"]*)\""));
            System.exit(1);
        }
        return answer.body();
    }

    static List<String> all(String text, String pattern) {
        List<String> found = new ArrayList<>();
        for (Matcher m = Pattern.compile(pattern).matcher(text); m.find();) found.add(m.group(1));
        return found;
    }

    public static void main(String[] args) throws Exception {
        String start = api("/v2/transaction/start", "{'document_no':'52998224725'}");
        String session = all(start, "\"transaction_id\":\\s*\"([^\"]+)\"").get(0);
        String who = "'transaction_id':'" + session + "','client_id':'" + (start.matches("(?s).*\"loyalty\":\\s*true.*") ? "52998224725" : "0") + "'";
        String apply = api("/v2/transaction/apply", "{" + who + ",'origin':'pdv','items':[{" + String.join("},{", ITEMS) + "}]}");
        api("/v2/transaction/confirm", "{'transaction_id':'" + session + "'}");

        // agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
        List<String> totals = all(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        List<String> lines = new ArrayList<>();
        BigDecimal total = BigDecimal.ZERO, cashback = BigDecimal.ZERO;
        for (int i = 0; i < ITEMS.length; i++) {
            lines.add("{" + ITEMS[i] + ",'total_value_with_discount':" + totals.get(i) + "}");
            total = total.add(new BigDecimal(totals.get(i)));
        }
        for (String value : all(apply, "\"payment_discount\":\\s*\\{\\s*\"discount_value\":\\s*\"?([0-9.]+)")) cashback = new BigDecimal(value);
        String payments = "{'payment_form':'cash','amount':" + total.subtract(cashback) + ",'instalments':1}";
        if (cashback.signum() > 0) payments += ",{'payment_form':'cashback','amount':" + cashback + ",'instalments':1}";
        System.out.println(api("/v2/coupons", "{" + who + ",'coupon':'" + args[0] + "','date':'2026-05-14','time':'19:12:46','items':["
            + String.join(",", lines) + "],'payments':[" + payments + "],'total_value':66.93,'total_value_with_discount':" + total
            + ",'origin':'pdv','pdv_code':'012','operator_id':'0123'}"));
    }
}

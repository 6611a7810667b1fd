// Uma venda inteira pelo pdvagent: Java 11 ou mais novo, sem bibliotecas. Uso: PDVAGENT_TOKEN=... java Venda.java CUPOM [CPF]
// Um programa de verdade usa a sua biblioteca de JSON; aqui bastam algumas expressões.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.math.RoundingMode;
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

    static final BufferedReader KEYS = new BufferedReader(new InputStreamReader(System.in));

    static String typed() throws IOException {
        String line = KEYS.readLine();
        return line == null ? "" : line.trim();
    }

    static boolean isTrue(String text, String field) { return Pattern.compile("\"" + field + "\":\\s*true").matcher(text).find(); }

    // Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder.
    static void talk(String answer, String session) throws Exception {
        while (isTrue(answer, "should_display_message")) {
            System.out.println(String.join("", all(answer, "\"text\":\\s*\"([^\"]*)\"")));
            List<String> buttons = all(answer, "(\\{(?:[^{}]|\\{[^{}]*})*\"tag\"(?:[^{}]|\\{[^{}]*})*})");
            for (int i = 0; i < buttons.size(); i++) System.out.println(i + 1 + " = " + all(buttons.get(i), "\"button\":\\s*\"([^\"]*)\"").get(0));
            boolean input = !all(answer, "\"input\":\\s*(?!false|null|\"\"|0\\b)(.)").isEmpty();
            if (buttons.isEmpty() && !input) return; // um aviso: nada a responder
            String value = input ? typed() : "", choice = buttons.isEmpty() ? "" : typed(), button = "";
            if (!buttons.isEmpty() && choice.isEmpty()) return;
            if (!buttons.isEmpty()) button = buttons.get(Integer.parseInt(choice) - 1);
            String tag = String.join("", all(button, "\"tag\":\\s*\"([^\"]*)\""));
            answer = api("/v2.2/transaction/message", "{'transaction_id':'" + session + "','tag':'" + tag + "','input_value':'" + value + "'}");
            if (isTrue(button, "end_message_flow")) return;
        }
    }

    // Um valor da nuvem como o caixa o cobra: em centavos, o meio centavo para cima.
    static BigDecimal cents(String value) { return new BigDecimal(value).setScale(2, RoundingMode.HALF_UP); }

    public static void main(String[] args) throws Exception {
        String document = args.length > 1 ? args[1] : "52998224725";
        String start = api("/v2.2/transaction/start", "{'transaction_context':{'document_no':'" + document + "','phone':''},'transaction_id':''}");
        String session = all(start, "\"transaction_id\":\\s*\"([^\"]+)\"").get(0), id = "{'transaction_id':'" + session + "'";
        talk(start, session);
        talk(api("/v2.2/transaction/pre-apply", id + ",'origin':'pdv','items':[{" + String.join("},{", ITEMS) + "}]}"), session);
        String apply = api("/v2.2/transaction/apply", id + "}");
        api("/v2.2/transaction/confirm", id + "}");

        // agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
        List<String> totals = all(apply, "\"absolute_share\":\"[^\"]*\",\"total\":\"([^\"]*)\"");
        List<String> lines = new ArrayList<>();
        BigDecimal total = BigDecimal.ZERO, cashback = BigDecimal.ZERO;
        for (int i = 0; i < ITEMS.length; i++) {
            lines.add("{" + ITEMS[i] + ",'total_value_with_discount':" + cents(totals.get(i)) + "}");
            total = total.add(cents(totals.get(i)));
        }
        for (String value : all(apply, "\"payment_discount\":\\s*\\{\\s*\"discount_value\":\\s*\"?([0-9.]+)")) cashback = cents(value);
        String payments = "{'payment_form':'cash','amount':" + total.subtract(cashback) + ",'instalments':1}";
        if (cashback.signum() > 0) payments += ",{'payment_form':'cashback','amount':" + cashback + ",'instalments':1}";
        System.out.println(api("/v2/coupons", id + ",'client_id':'" + (isTrue(start, "loyalty") ? document : "0") + "','coupon':'" + args[0] + "','date':'2026-05-14','time':'19:12:46','items':["
            + String.join(",", lines) + "],'payments':[" + payments + "],'total_value':66.93,'total_value_with_discount':" + total
            + ",'origin':'pdv','pdv_code':'012','operator_id':'0123'}"));
    }
}

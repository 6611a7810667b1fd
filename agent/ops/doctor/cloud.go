package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// connection is the address of the cloud and its latest answer.
type connection struct {
	url    *url.URL
	host   string // host:port
	answer *http.Response
	took   time.Duration
	err    error
}

// connection parses the address once; nil: no cloud is configured.
func (e *examination) connection() *connection {
	if e.CloudURL == "" {
		return nil
	}
	if e.cloud == nil {
		u, err := url.Parse(e.CloudURL)
		if err != nil {
			return nil
		}
		host := u.Host
		if u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80"}[u.Scheme]+map[string]string{"https": "443"}[u.Scheme])
		}
		e.cloud = &connection{url: u, host: host}
	}
	return e.cloud
}

// dial opens a connection to the cloud, as the agent does.
func (e *examination) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if e.Dial != nil {
		return e.Dial(ctx, network, address)
	}
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
}

const noCloud = "a seção mercafacil não está configurada"

func dns(ctx context.Context, e *examination) answer {
	cloud := e.connection()
	if cloud == nil {
		return skip(noCloud)
	}
	if e.Dial != nil {
		return skip("quem procura o nome é o proxy %s", e.Proxy)
	}
	if net.ParseIP(cloud.url.Hostname()) != nil {
		return skip("base_url tem um endereço, não um nome")
	}
	begin := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, cloud.url.Hostname())
	if err != nil {
		return fail("Confira o DNS e o link da loja.", "%s não foi encontrado: %v", cloud.url.Hostname(), err)
	}
	return ok("%s é %s, em %v", cloud.url.Hostname(), strings.Join(addresses, ", "), time.Since(begin).Round(time.Millisecond))
}

func connect(ctx context.Context, e *examination) answer {
	cloud := e.connection()
	if cloud == nil {
		return skip(noCloud)
	}
	begin := time.Now()
	conn, err := e.dial(ctx, "tcp", cloud.host)
	if err != nil {
		return fail("Veja o link da loja, e se o firewall deixa sair para esse endereço; se a rede só sai por um proxy, informe network.proxy.", "%s: %v", cloud.host, err)
	}
	_ = conn.Close() // only a test
	return ok("%s em %v", cloud.host, time.Since(begin).Round(time.Millisecond))
}

func tlsCheck(ctx context.Context, e *examination) answer {
	cloud := e.connection()
	if cloud == nil {
		return skip(noCloud)
	}
	if cloud.url.Scheme != "https" {
		return skip("base_url é http, desta própria máquina")
	}
	raw, err := e.dial(ctx, "tcp", cloud.host)
	var secure *tls.Conn
	if err == nil {
		defer func() { _ = raw.Close() }() // only a test
		secure = tls.Client(raw, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cloud.url.Hostname()})
		err = secure.HandshakeContext(ctx)
	}
	if err != nil {
		return fail("Um certificado que não confere é um relógio errado, um antivírus que abre conexões ou um endereço errado.", "%s: %v", cloud.host, err)
	}
	state := secure.ConnectionState()
	left := state.PeerCertificates[0].NotAfter.Sub(e.Now())
	if left < 15*24*time.Hour {
		return warn("Avise a Mercafácil.", "%s, o certificado vence em %d dias", tls.VersionName(state.Version), int(left.Hours()/24))
	}
	return ok("%s, o certificado vence em %d dias", tls.VersionName(state.Version), int(left.Hours()/24))
}

// cloudAnswer requests the base URL, which opens no session.
func cloudAnswer(ctx context.Context, e *examination) answer {
	cloud := e.connection()
	if cloud == nil {
		return skip(noCloud)
	}
	client := &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: e.dial, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, cloud.url.String(), http.NoBody)
	if err != nil {
		return skip("%v", err)
	}
	begin := time.Now()
	response, err := client.Do(request)
	if err != nil {
		cloud.err = err
		return fail("Veja o link da loja; o caixa segue vendendo sem descontos.", "%s não responde: %v", cloud.url.Host, err)
	}
	_ = response.Body.Close() // the header is enough
	cloud.answer, cloud.took = response, time.Since(begin)
	if strings.Contains(response.Header.Get("Content-Type"), "html") && response.StatusCode == http.StatusOK {
		return warn("Pode ser a página de um provedor ou de uma rede que pede senha.", "%s responde uma página, em %v", cloud.url.Host, cloud.took.Round(time.Millisecond))
	}
	return ok("%s responde %d em %v", cloud.url.Host, response.StatusCode, cloud.took.Round(time.Millisecond))
}

func cloudClock(_ context.Context, e *examination) answer {
	if e.cloud == nil || e.cloud.answer == nil {
		return skip("a nuvem não respondeu")
	}
	date, err := http.ParseTime(e.cloud.answer.Header.Get("Date"))
	if err != nil {
		return skip("a nuvem não diz que horas são")
	}
	off := e.Now().Sub(date).Round(time.Second)
	if off.Abs() > 2*time.Minute {
		return fail("Acerte data e hora desta máquina.", "diferença de %v para a nuvem", off)
	}
	return ok("diferença de %v para a nuvem", off)
}

func cloudToken(ctx context.Context, e *examination) answer {
	return withStatus(func(_ *examination, s *status) answer {
		for _, alarm := range s.Alarms {
			if alarm.Code == "cloud_unauthorized" {
				return fail("Confira mercafacil.token: pdvagent config set mercafacil.token ...", "%s", alarm.Detail)
			}
		}
		if len(s.Clouds) == 0 {
			return skip(noCloud)
		}
		return ok("a nuvem não o recusou")
	})(ctx, e)
}

// bankCertificate checks the certificate file; it does not connect to the bank.
func bankCertificate(_ context.Context, e *examination) answer {
	const advice = "Renove o certificado e troque o arquivo de payments.sicoob.certificate; o pdvagent o lê sem reiniciar."
	if e.Certificate == nil {
		return skip("não há um configurado (payments.sicoob.certificate)")
	}
	ends, err := e.Certificate()
	if err != nil {
		return fail("Corrija o que a mensagem diz em payments.sicoob, ou troque o arquivo; o pdvagent o lê sem reiniciar.", "%v", err)
	}
	if left := ends.Sub(e.Now()); left < 30*24*time.Hour {
		return warn(advice, "vence em %s, em %d dias", ends.Format("02/01/2006"), int(left.Hours()/24))
	}
	return ok("vale até %s", ends.Format("02/01/2006"))
}

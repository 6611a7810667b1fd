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

// reached is what the way to the cloud looked like.
type reached struct {
	url    *url.URL
	host   string // host:port
	answer *http.Response
	took   time.Duration
	err    error
}

// way parses the address once; nil when no cloud is configured.
func (e *examination) way() *reached {
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
		e.cloud = &reached{url: u, host: host}
	}
	return e.cloud
}

const noCloud = "a seção mercafacil não está configurada"

func dns(ctx context.Context, e *examination) answer {
	way := e.way()
	if way == nil {
		return skip(noCloud)
	}
	if net.ParseIP(way.url.Hostname()) != nil {
		return skip("base_url tem um endereço, não um nome")
	}
	begin := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, way.url.Hostname())
	if err != nil {
		return fail("Confira o DNS e o link da loja.", "%s não foi encontrado: %v", way.url.Hostname(), err)
	}
	return ok("%s é %s, em %v", way.url.Hostname(), strings.Join(addresses, ", "), time.Since(begin).Round(time.Millisecond))
}

func connect(ctx context.Context, e *examination) answer {
	way := e.way()
	if way == nil {
		return skip(noCloud)
	}
	begin := time.Now()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", way.host)
	if err != nil {
		return fail("Veja o link da loja, e se o firewall deixa sair para esse endereço.", "%s: %v", way.host, err)
	}
	_ = conn.Close() // it was only tried
	return ok("%s em %v", way.host, time.Since(begin).Round(time.Millisecond))
}

func tlsCheck(ctx context.Context, e *examination) answer {
	way := e.way()
	if way == nil {
		return skip(noCloud)
	}
	if way.url.Scheme != "https" {
		return skip("base_url é http, desta própria máquina")
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", way.host)
	if err != nil {
		return fail("Um certificado que não confere é um relógio errado, um antivírus que abre conexões ou um endereço errado.", "%s: %v", way.host, err)
	}
	defer func() { _ = conn.Close() }() // it was only tried
	secure, isTLS := conn.(*tls.Conn)
	if !isTLS {
		return skip("a conexão não diz como é cifrada")
	}
	state := secure.ConnectionState()
	left := state.PeerCertificates[0].NotAfter.Sub(e.Now())
	if left < 15*24*time.Hour {
		return warn("Avise a Mercafácil.", "%s, o certificado vence em %d dias", tls.VersionName(state.Version), int(left.Hours()/24))
	}
	return ok("%s, o certificado vence em %d dias", tls.VersionName(state.Version), int(left.Hours()/24))
}

// cloudAnswer asks for the base URL, which opens nothing there.
func cloudAnswer(ctx context.Context, e *examination) answer {
	way := e.way()
	if way == nil {
		return skip(noCloud)
	}
	client := &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, way.url.String(), http.NoBody)
	if err != nil {
		return skip("%v", err)
	}
	begin := time.Now()
	response, err := client.Do(request)
	if err != nil {
		way.err = err
		return fail("Veja o link da loja; o caixa segue vendendo sem descontos.", "%s não responde: %v", way.url.Host, err)
	}
	_ = response.Body.Close() // its head is enough
	way.answer, way.took = response, time.Since(begin)
	if strings.Contains(response.Header.Get("Content-Type"), "html") && response.StatusCode == http.StatusOK {
		return warn("Pode ser a página de um provedor ou de uma rede que pede senha.", "%s responde uma página, em %v", way.url.Host, way.took.Round(time.Millisecond))
	}
	return ok("%s responde %d em %v", way.url.Host, response.StatusCode, way.took.Round(time.Millisecond))
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
	return live(func(_ *examination, s *status) answer {
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

// bankCertificate reads the file that the shop shows its bank; nothing is opened there.
func bankCertificate(_ context.Context, e *examination) answer {
	const advice = "Renove o certificado e troque o arquivo de payments.sicoob.certificate; o pdvagent o lê sem reiniciar."
	if e.Certificate == nil {
		return skip("não há um configurado (payments.sicoob.certificate)")
	}
	ends, err := e.Certificate()
	if err != nil {
		return fail(advice, "%v", err)
	}
	if left := ends.Sub(e.Now()); left < 30*24*time.Hour {
		return warn(advice, "vence em %s, em %d dias", ends.Format("02/01/2006"), int(left.Hours()/24))
	}
	return ok("vale até %s", ends.Format("02/01/2006"))
}

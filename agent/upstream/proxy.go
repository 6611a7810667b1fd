package upstream

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"pdvagent/agent"
)

// proxyPatience bounds how long a proxy may take to open a way.
const proxyPatience = 10 * time.Second

// ThroughProxy makes connections through an HTTP proxy (CONNECT); those to this machine are made directly. login is user:password,
// or empty. The proxy sees the names of the clouds and nothing of what is said: TLS is with the cloud.
func ThroughProxy(proxy *url.URL, login string) Dial {
	direct := (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	header := make(http.Header)
	if login != "" {
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login)))
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err == nil && loopback(host) {
			return direct(ctx, network, address)
		}
		conn, err := direct(ctx, network, proxy.Host)
		if err != nil {
			return nil, agent.Errorf(agent.CodeCloudAway, err, "O proxy %s (network.proxy) não foi encontrado ou recusou a conexão.", proxy.Host)
		}
		request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: header}
		if err := open(ctx, conn, request); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return conn, nil
	}
}

// open asks the proxy for the way to the request's host.
func open(ctx context.Context, conn net.Conn, request *http.Request) error {
	until := time.Now().Add(proxyPatience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // it only ends the waiting
	defer stop()
	err := errors.Join(conn.SetDeadline(until), request.Write(conn))
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // there is none that counts
	switch {
	case response.StatusCode == http.StatusProxyAuthRequired:
		return agent.Errorf(agent.CodeCloudAway, nil, "O proxy (network.proxy) pede usuário e senha, ou não aceita os que tem: confira network.proxy_login_file.")
	case response.StatusCode != http.StatusOK:
		return agent.Errorf(agent.CodeCloudAway, nil, "O proxy (network.proxy) não deixa sair para %s: %d.", request.Host, response.StatusCode)
	case reader.Buffered() > 0:
		return errors.New("proxy: the cloud spoke first")
	}
	return conn.SetDeadline(time.Time{})
}

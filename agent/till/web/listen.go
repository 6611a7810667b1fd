package web

import (
	"context"
	"errors"
	"net"
	"strconv"

	"pdvagent/agent"
)

// Listen listens on the port of a loopback address, on 127.0.0.1 and on ::1. Without IPv6 there is one listener, and noIPv6
// is the reason. Port 0 is a free port, the same for both.
func Listen(ctx context.Context, address string) (listeners []net.Listener, noIPv6, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, agent.Errorf(agent.CodeBadConfig, err, "api.listen deve ser endereço:porta, por exemplo 127.0.0.1:8780.")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, nil, agent.Errorf(agent.CodeBadConfig, nil, "api.listen deve ser um endereço desta própria máquina (127.0.0.1).")
	}
	var config net.ListenConfig
	four, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, nil, portTaken(err, port)
	}
	tcp, _ := four.Addr().(*net.TCPAddr)
	listeners = []net.Listener{four}
	six, noIPv6 := config.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(tcp.Port)))
	if InUse(noIPv6) { // the program that has it would receive the calls of tills that use "localhost"
		return nil, nil, errors.Join(portTaken(noIPv6, port), four.Close())
	}
	if noIPv6 == nil {
		listeners = append(listeners, six)
	}
	return listeners, noIPv6, nil
}

// portTaken says in Portuguese why a port could not be opened.
func portTaken(cause error, port string) error {
	if reserved(cause) {
		return agent.Errorf(agent.CodeBadConfig, cause, "O Windows não deixa abrir a porta %s: ele a reservou (veja com: netsh interface ipv4 show "+
			"excludedportrange protocol=tcp) ou outro programa a tem só para si (veja com: netstat -ano). Mude api.listen para uma porta livre.", port)
	}
	return agent.Errorf(agent.CodeBadConfig, cause, "A porta %s não pôde ser aberta: outro programa a usa. Feche o outro programa ou mude api.listen.", port)
}

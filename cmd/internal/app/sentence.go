package app

import (
	"errors"
	"fmt"
	"net"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
)

// Sentence is what a person reads of an error.
func Sentence(err error) string {
	e, ok := errors.AsType[*agent.Error](err)
	switch {
	case !ok && web.InUse(err):
		return fmt.Sprintf("Outro programa já usa %s: feche-o, ou escolha outro endereço.", addressOf(err))
	case !ok:
		return agent.Cause(err)
	case e.Err == nil || web.InUse(e.Err):
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, agent.Cause(e.Err))
}

// addressOf is the address that an error of the network is about.
func addressOf(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return op.Addr.String()
	}
	return "o endereço"
}

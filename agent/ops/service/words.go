package service

import (
	"errors"
	"fmt"
	"syscall"

	"pdvagent/agent"
)

// Windows error numbers that have an advice, or a special meaning here.
const (
	winAccessDenied       = 5
	winSharing            = 32
	winInvalidName        = 123
	winRequestTimeout     = 1053
	winAlreadyRunning     = 1056
	winDisabled           = 1058
	winNotInstalled       = 1060
	winCannotControl      = 1061
	winNotActive          = 1062
	winServiceDied        = 1067
	winLogonFailed        = 1069
	winMarkedForDelete    = 1072
	winExists             = 1073
	winInvalidLevel       = 124
	winCallNotImplemented = 120
)

// advice says in Portuguese what to do about a Windows error; empty without one.
func advice(number int) string {
	switch number {
	case winAccessDenied:
		return "O Windows recusou: esta janela não tem direitos de administrador. Abra o Prompt de Comando com o botão direito, \"Executar como administrador\", e repita."
	case winSharing:
		return "Um arquivo do pdvagent está em uso por outro programa (antivírus, outra janela). Feche-o e repita."
	case winRequestTimeout:
		return "O serviço não respondeu ao Windows a tempo. Veja o log com: pdvagent doctor. Se o antivírus examina o programa a cada início, libere a pasta do pdvagent."
	case winDisabled:
		return "O serviço está desativado nesta máquina. Um administrador o ativa com: sc config pdvagent start= delayed-auto"
	case winNotInstalled:
		return "O serviço não está instalado. Instale com: pdvagent service install"
	case winCannotControl:
		return "O serviço está iniciando ou parando e não aceita o pedido agora. Espere um minuto e repita."
	case winServiceDied:
		return "O serviço terminou ao iniciar. Veja o motivo com: pdvagent doctor"
	case winLogonFailed:
		return "O Windows não deixou a conta do serviço entrar. Confira em secpol.msc, \"Fazer logon como um serviço\", se NT SERVICE\\ALL SERVICES está na lista; uma política do domínio pode tê-lo tirado, e a TI da rede o devolve."
	case winMarkedForDelete:
		return "O Windows ainda está removendo o serviço anterior. Feche a janela Serviços (services.msc), o Gerenciador de Tarefas e o Visualizador de Eventos, e repita; se continuar, reinicie a máquina."
	case winExists, winInvalidName:
		return "O Windows recusou o nome do serviço: já existe outro com o nome pdvagent. Confira com: sc qc pdvagent"
	}
	return ""
}

// inWords turns an error of the service manager into an [agent.Error] that says what to do. action is what failed, such as
// "iniciar o serviço".
func inWords(action string, err error) error {
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*agent.Error](err); ok {
		return refusal
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		if text := advice(int(number)); text != "" {
			return agent.Errorf(agent.CodeServiceRefused, fmt.Errorf("%s: %w", action, err), "%s", text)
		}
	}
	return agent.Errorf(agent.CodeServiceRefused, err, "Não foi possível %s.", action)
}

// is reports whether an error is one of those Windows errors.
func is(err error, numbers ...int) bool {
	got, ok := errors.AsType[syscall.Errno](err)
	for _, number := range numbers {
		if ok && int(got) == number {
			return true
		}
	}
	return false
}

package source

import (
	"errors"
	"io/fs"
	"syscall"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// folderError is why a folder cannot be used, for a person.
func folderError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return agent.Errorf(agent.CodeInvalid, err, "A pasta %s não existe.", path)
	case errors.Is(err, fs.ErrPermission):
		return agent.Errorf(agent.CodeInvalid, err, "O pdvagent não tem permissão na pasta %s: precisa ler, gravar e mover arquivos nela.", path)
	case errors.Is(err, osfile.ErrNotFolder), errors.Is(err, syscall.ENOTDIR):
		return agent.Errorf(agent.CodeInvalid, err, "%s é um arquivo, não uma pasta; informe em path a pasta onde os arquivos chegam.", path)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return agent.Errorf(agent.CodeInvalid, err, "Em %s um nome é longo demais; renomeie o arquivo, ou use uma pasta com caminho mais curto.", path)
	case errors.Is(err, syscall.ENOSPC):
		return agent.Errorf(agent.CodeInvalid, err, "O disco da pasta %s está cheio; libere espaço.", path)
	}
	return agent.Errorf(agent.CodeInvalid, err, "A pasta %s não pôde ser lida (%s); confira o disco ou a rede.", path, cause(err))
}

// makeError is why the folder of the files that were read cannot be made.
func makeError(path, name string, err error) error {
	if errors.Is(err, osfile.ErrNotFolder) {
		return agent.Errorf(agent.CodeInvalid, err, "Em %s há um arquivo com o nome %s, ou um atalho (link), que é o da pasta dos arquivos já lidos; renomeie-o ou apague-o.", path, name)
	}
	return folderError(path, err)
}

// fileError is why a file cannot be read.
func fileError(name string, err error) error {
	switch {
	case isShared(err):
		return agent.Errorf(agent.CodeInvalid, errors.Join(ErrUnfinished, err), "O arquivo %s não pôde ser lido: está aberto em outro programa; feche-o lá.", name)
	case errors.Is(err, osfile.ErrNotRegular):
		return agent.Errorf(agent.CodeInvalid, errors.Join(ErrUnfinished, err), "O arquivo %s não foi lido: %s.", name, notRegular)
	case errors.Is(err, fs.ErrNotExist):
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s não pôde ser lido: ele não existe.", name)
	case errors.Is(err, fs.ErrPermission):
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s não pôde ser lido: o pdvagent não tem permissão.", name)
	}
	return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s não pôde ser lido (%s); confira o disco ou a rede.", name, cause(err))
}

// notRegular is what is wrong with a link or a pipe in the place of a file.
const notRegular = "não é um arquivo comum (é um atalho, uma pasta ou um dispositivo); apague-o e copie para a pasta o próprio arquivo"

// reportError is why a file's report cannot be written.
func reportError(folder, name string, err error) error {
	if errors.Is(err, osfile.ErrNotRegular) {
		return agent.Errorf(agent.CodeInvalid, err, "O relatório do arquivo %s não pôde ser escrito: em %s há uma pasta no lugar dele; apague-a.", name, folder)
	}
	return folderError(folder, err)
}

// moveError is why a file that was read cannot be moved: it would be read again each time.
func moveError(folder, name string, err error) error {
	if isShared(err) {
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s foi lido e não pôde ser movido: está aberto em outro programa; feche-o lá.", name)
	}
	if errors.Is(err, osfile.ErrNotFolder) {
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s foi lido e não pôde ser movido: em %s as pastas done e rejected devem ser pastas, não arquivos nem atalhos (links).", name, folder)
	}
	return folderError(folder, err)
}

// cause is the operating system's word for an error, without the file that the sentence names already.
func cause(err error) string {
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		return agent.Cause(code)
	}
	return agent.Cause(err)
}

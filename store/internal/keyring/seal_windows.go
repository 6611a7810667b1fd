package keyring

import (
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// entropy ties the sealed secret to this program: another one on the machine needs it too.
const entropy = "pdvagent store key v1"

func blob(data []byte) *windows.DataBlob {
	if len(data) == 0 {
		return &windows.DataBlob{}
	}
	return &windows.DataBlob{Size: uint32(len(data)), Data: &data[0]}
}

func take(out windows.DataBlob) ([]byte, error) {
	data := append([]byte(nil), unsafe.Slice(out.Data, out.Size)...)
	_, err := windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	return data, err
}

func platformSeal(secret []byte) (string, []byte, error) {
	var out windows.DataBlob
	flags := uint32(windows.CRYPTPROTECT_LOCAL_MACHINE | windows.CRYPTPROTECT_UI_FORBIDDEN)
	err := windows.CryptProtectData(blob(secret), nil, blob([]byte(entropy)), 0, nil, flags, &out)
	if err != nil {
		return "", nil, err
	}
	sealed, err := take(out)
	return sealDPAPI, sealed, err
}

func platformUnseal(name string, sealed []byte) ([]byte, error) {
	if name != sealDPAPI {
		return nil, errNoSeal
	}
	var out windows.DataBlob
	flags := uint32(windows.CRYPTPROTECT_UI_FORBIDDEN)
	err := windows.CryptUnprotectData(blob(sealed), nil, blob([]byte(entropy)), 0, nil, flags, &out)
	if err != nil {
		return nil, err
	}
	return take(out)
}

func machineID() string {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Cryptography`,
		registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer func() { _ = key.Close() }() // read only
	id, _, err := key.GetStringValue("MachineGuid")
	if err != nil {
		return ""
	}
	return id
}

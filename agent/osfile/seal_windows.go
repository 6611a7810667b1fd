package osfile

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

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

// Seal encrypts a secret so that only this machine can open it (DPAPI, machine scope), and only for the same purpose.
func Seal(purpose string, secret []byte) ([]byte, error) {
	var out windows.DataBlob
	flags := uint32(windows.CRYPTPROTECT_LOCAL_MACHINE | windows.CRYPTPROTECT_UI_FORBIDDEN)
	if err := windows.CryptProtectData(blob(secret), nil, blob([]byte(purpose)), 0, nil, flags, &out); err != nil {
		return nil, err
	}
	return take(out)
}

// Unseal opens what [Seal] made on this machine for the same purpose.
func Unseal(purpose string, sealed []byte) ([]byte, error) {
	var out windows.DataBlob
	err := windows.CryptUnprotectData(blob(sealed), nil, blob([]byte(purpose)), 0, nil, uint32(windows.CRYPTPROTECT_UI_FORBIDDEN), &out)
	if err != nil {
		return nil, err
	}
	return take(out)
}

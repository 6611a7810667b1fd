package mercafacil_test

import (
	"io"
	"net/http"
	"testing"

	"pdvagent/agent"
)

func TestASuccessWithARefusalInsideIsNoDelivery(t *testing.T) {
	const delivered, refused = agent.ClassOK, agent.ClassDenied
	for body, want := range map[string]struct {
		class  agent.Class
		status int
	}{
		`{"success":false}`:                             {refused, 200},
		`{"Success":false,"message":"x"}`:               {refused, 200},
		`{"success":"false"}`:                           {refused, 200},
		`{"success":0}`:                                 {refused, 200},
		`{"sucesso":false}`:                             {refused, 200},
		`{"ok":false}`:                                  {refused, 200},
		`{"status":"error"}`:                            {refused, 200},
		`{"status":"ERROR","message":"x"}`:              {refused, 200},
		`{"status":"fail"}`:                             {refused, 200},
		`{"status":"NOK"}`:                              {refused, 200},
		`{"status":" Rejeitado "}`:                      {refused, 200},
		`{"resultado":"erro"}`:                          {refused, 200},
		`{"result":"failed","message":"x"}`:             {refused, 200},
		`{"result":[]}`:                                 {delivered, 200},
		`{"result":{"id":1}}`:                           {delivered, 200},
		`{"hasError":true}`:                             {refused, 200},
		`{"hasErrors":false}`:                           {delivered, 200},
		`{"hasError":"false"}`:                          {delivered, 200},
		`{"isError":"N"}`:                               {delivered, 200},
		`{"temErro":"sim"}`:                             {refused, 200},
		`[{"success":false}]`:                           {refused, 200},
		`[{"success":true}]`:                            {delivered, 200},
		`[{"success":true},{"success":false}]`:          {delivered, 200}, // of a load: what each of them says is not documented
		`false`:                                         {refused, 200},
		`true`:                                          {delivered, 200},
		`{"errorMessage":"x"}`:                          {refused, 200},
		`{"error_message":"x"}`:                         {refused, 200},
		`{"error":"internal"}`:                          {refused, 200},
		`{"error":true}`:                                {refused, 200},
		`{"errors":["x"]}`:                              {refused, 200},
		`{"errors":{"coupon":["x"]}}`:                   {refused, 200},
		`{"code":500}`:                                  {refused, 200},
		`{"code":"503"}`:                                {refused, 200},
		`{"code":1001}`:                                 {refused, 200},
		`{"code":400}`:                                  {agent.ClassStatus, 400},
		`{"code":"422","success":false}`:                {agent.ClassStatus, 422},
		`{"status":404,"message":"x"}`:                  {agent.ClassStatus, 404},
		`{"statusCode":422,"message":"x"}`:              {agent.ClassStatus, 422},
		`{"statusCode":503,"message":"x"}`:              {agent.ClassStatus, 503},
		`{"errors":[],"errorMessage":null}`:             {delivered, 200},
		`{"errorMessage":"","error":false,"errors":{}}`: {delivered, 200},
		`{"errorCode":0,"code":0,"status":"ok"}`:        {delivered, 200},
		`{"success":true,"code":80215}`:                 {delivered, 200},
		`{"success":true,"status":"success"}`:           {delivered, 200},
		`{"ok":true,"code":200}`:                        {delivered, 200},
		`{"success":null}`:                              {delivered, 200},
		`{"code":4.0000000000000000E+002}`:              {agent.ClassStatus, 400},
		`{"statusCode":"503.0"}`:                        {agent.ClassStatus, 503},
		`{"success":0.0000000000000000E+000}`:           {refused, 200},
		`{"success":"N"}`:                               {refused, 200},
		`{"status":"success","code":1001}`:              {delivered, 200},
		`{"success":"true","code":1001}`:                {delivered, 200},
		`{"success":1,"code":1001}`:                     {delivered, 200},
		`{"errorCode":"0.0","error":0E+000}`:            {delivered, 200},
		"{\"message\":\"j\xe1 recebido\"}":              {delivered, 200},
		"{\"success\":false,\"message\":\"n\xe3o\"}":    {refused, 200},
		`{"code":"ABC","statusCode":201}`:               {delivered, 200},
		`{"data":{"success":false}}`:                    {delivered, 200}, // not at the top
		`[]`:                                            {delivered, 200},
	} {
		client, _, _ := cloudOf(t, "t", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		got := client.Deliver(t.Context(), agent.KindCoupon, agent.V2, []byte(`{}`))
		if got.Class != want.class || got.Status != want.status {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

{ Uma venda inteira pelo pdvagent: Free Pascal 3 ou Lazarus. No Delphi, troque fphttpclient por System.Net.HttpClient e
  fpjson por System.JSON; o resto é igual. Uso: PDVAGENT_TOKEN=... venda CUPOM
  Currency tem quatro casas exatas: dinheiro nunca em ponto flutuante. }
program venda;

{$mode objfpc}{$H+}

uses
  Classes, SysUtils, fphttpclient, fpjson, jsonparser;

const
  Itens: array[0..1] of string = (
    '''sku'':''80215'',''ean'':''7890000000017'',''product_name'':''CAFE 500G'',''quantity'':3,''packing_quantity'':1,''unit_value'':10.00,''total_value'':30.00',
    '''sku'':''411'',''ean'':''2000411000000'',''product_name'':''QUEIJO KG'',''quantity'':1.235,''packing_quantity'':1,''unit_value'':29.90,''total_value'':36.93');

function Url: string;
begin
  Result := GetEnvironmentVariable('PDVAGENT_URL');
  if Result = '' then Result := 'http://127.0.0.1:8780';
end;

function Api(const Rota, Corpo: string): TJSONObject;
var
  Http: TFPHTTPClient;
  Resposta: TStringStream;
begin
  Http := TFPHTTPClient.Create(nil);
  Resposta := TStringStream.Create('');
  try
    Http.IOTimeout := 35000;
    Http.AddHeader('Authorization', 'Bearer ' + GetEnvironmentVariable('PDVAGENT_TOKEN'));
    Http.AddHeader('Content-Type', 'application/json');
    Http.RequestBody := TStringStream.Create(StringReplace(Corpo, '''', '"', [rfReplaceAll]));
    Http.HTTPMethod('POST', Url + Rota, Resposta, []); { [] aceita qualquer status }
    Result := GetJSON(Resposta.DataString) as TJSONObject;
    if Http.ResponseStatusCode >= 300 then
    begin { problem+json: detail é a frase para o operador }
      WriteLn(StdErr, Result.Get('detail', Http.ResponseStatusText));
      Halt(1);
    end;
  finally
    Http.RequestBody.Free;
    Resposta.Free;
    Http.Free;
  end;
end;

var
  Formato: TFormatSettings;
  Start, Apply: TJSONObject;
  Linhas: TJSONArray;
  Desconto: TJSONData;
  Sessao, Quem, Cupom, Pagamentos, Valor: string;
  Total, Cashback: Currency;
  I: Integer;
begin
  Formato := DefaultFormatSettings;
  Formato.DecimalSeparator := '.';
  Start := Api('/v2/transaction/start', '{''document_no'':''52998224725''}');
  Sessao := Start.Get('transaction_id', '');
  Quem := '''transaction_id'':''' + Sessao + ''',''client_id'':''';
  if Start.Get('loyalty', False) then Quem := Quem + '52998224725''' else Quem := Quem + '0''';
  Apply := Api('/v2/transaction/apply', '{' + Quem + ',''origin'':''pdv'',''items'':[{' + Itens[0] + '},{' + Itens[1] + '}]}');
  Api('/v2/transaction/confirm', '{''transaction_id'':''' + Sessao + '''}').Free;

  { agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento }
  Linhas := Apply.FindPath('agent.lines') as TJSONArray;
  Cupom := '';
  Total := 0;
  for I := 0 to High(Itens) do
  begin
    Valor := Linhas.Objects[I].Get('total', '');
    Total := Total + StrToCurr(Valor, Formato);
    if I > 0 then Cupom := Cupom + ',';
    Cupom := Cupom + '{' + Itens[I] + ',''total_value_with_discount'':' + Valor + '}';
  end;
  Cashback := 0;
  Desconto := Apply.FindPath('payment_discount.discount_value');
  if (Desconto <> nil) and not Desconto.IsNull then Cashback := Desconto.AsFloat;
  Pagamentos := '{''payment_form'':''cash'',''amount'':' + CurrToStr(Total - Cashback, Formato) + ',''instalments'':1}';
  if Cashback > 0 then
    Pagamentos := Pagamentos + ',{''payment_form'':''cashback'',''amount'':' + CurrToStr(Cashback, Formato) + ',''instalments'':1}';
  WriteLn(Api('/v2/coupons', '{' + Quem + ',''coupon'':''' + ParamStr(1) + ''',''date'':''2026-05-14'',''time'':''19:12:46'',''items'':[' + Cupom +
    '],''payments'':[' + Pagamentos + '],''total_value'':66.93,''total_value_with_discount'':' + CurrToStr(Total, Formato) +
    ',''origin'':''pdv'',''pdv_code'':''012'',''operator_id'':''0123''}').AsJSON);
end.

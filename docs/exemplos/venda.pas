{ Uma venda inteira pelo pdvagent: Free Pascal 3 ou Lazarus. No Delphi, troque fphttpclient por System.Net.HttpClient e
  fpjson por System.JSON; o resto é igual. Uso: PDVAGENT_TOKEN=... venda CUPOM [CPF]
  Currency tem quatro casas exatas: dinheiro nunca em ponto flutuante. }
program venda;

{$mode objfpc}{$H+}

uses
  {$IFDEF UNIX}cwstring,{$ENDIF} Classes, SysUtils, StrUtils, fphttpclient, fpjson, jsonparser;

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

{ Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder. }
procedure Conversar(Resposta: TJSONObject; const Sessao: string);
var
  Mensagem, Botao: TJSONObject;
  Botoes: TJSONArray;
  Digitado, Escolha, Tag: string;
  Pede: Boolean;
  I: Integer;
begin
  while Resposta.Get('should_display_message', False) do
  begin
    if not Resposta.Find('message', Mensagem) then Exit;
    if not Mensagem.Find('responses', Botoes) then Botoes := TJSONArray.Create;
    Pede := (Mensagem.Find('input') <> nil) and not AnsiMatchStr(Mensagem.Find('input').AsJSON, ['false', 'null', '""', '0']);
    WriteLn(Mensagem.Get('text', ''));
    for I := 0 to Botoes.Count - 1 do WriteLn(I + 1, ' = ', Botoes.Objects[I].Get('button', ''));
    if (Botoes.Count = 0) and not Pede then Exit; { um aviso: nada a responder }
    Digitado := '';
    Tag := '';
    Botao := nil;
    if Pede then ReadLn(Digitado);
    if Botoes.Count > 0 then
    begin
      ReadLn(Escolha);
      if Escolha = '' then Exit;
      Botao := Botoes.Objects[StrToInt(Escolha) - 1];
      Tag := Botao.Get('tag', '');
    end;
    Resposta := Api('/v2.2/transaction/message', '{''transaction_id'':''' + Sessao + ''',''tag'':''' + Tag +
      ''',''input_value'':''' + Trim(Digitado) + '''}');
    if (Botao <> nil) and Botao.Get('end_message_flow', False) then Exit;
  end;
end;

var
  Formato: TFormatSettings;

{ Um valor da nuvem como o caixa o cobra: em centavos, o meio centavo para cima. }
function Centavos(const Valor: string): Currency;
var
  Milesimos: Int64;
begin
  Milesimos := Trunc(StrToCurr(Valor, Formato) * 1000);
  if Milesimos < 0 then Milesimos := Milesimos - 5 else Milesimos := Milesimos + 5;
  Result := Milesimos div 10;
  Result := Result / 100;
end;

var
  Start, Apply: TJSONObject;
  Linhas: TJSONArray;
  Desconto: TJSONData;
  Documento, Sessao, Id, Cliente, Cupom, Pagamentos, Valor: string;
  Total, Cashback: Currency;
  I: Integer;
begin
  Formato := DefaultFormatSettings;
  Formato.DecimalSeparator := '.';
  Documento := '52998224725';
  if ParamCount > 1 then Documento := ParamStr(2);
  Start := Api('/v2.2/transaction/start', '{''transaction_context'':{''document_no'':''' + Documento + ''',''phone'':''''},''transaction_id'':''''}');
  Sessao := Start.Get('transaction_id', '');
  Cliente := '0';
  if Start.Get('loyalty', False) then Cliente := Documento;
  Conversar(Start, Sessao);
  Id := '{''transaction_id'':''' + Sessao + '''';
  Conversar(Api('/v2.2/transaction/pre-apply', Id + ',''origin'':''pdv'',''items'':[{' + Itens[0] + '},{' + Itens[1] + '}]}'), Sessao);
  Apply := Api('/v2.2/transaction/apply', Id + '}');
  Api('/v2.2/transaction/confirm', Id + '}').Free;

  { agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento }
  Linhas := Apply.FindPath('agent.lines') as TJSONArray;
  Cupom := '';
  Total := 0;
  for I := 0 to High(Itens) do
  begin
    Valor := CurrToStr(Centavos(Linhas.Objects[I].Get('total', '')), Formato);
    Total := Total + StrToCurr(Valor, Formato);
    if I > 0 then Cupom := Cupom + ',';
    Cupom := Cupom + '{' + Itens[I] + ',''total_value_with_discount'':' + Valor + '}';
  end;
  Cashback := 0;
  Desconto := Apply.FindPath('payment_discount.discount_value');
  if (Desconto <> nil) and not Desconto.IsNull then Cashback := Centavos(Desconto.AsString);
  Pagamentos := '{''payment_form'':''cash'',''amount'':' + CurrToStr(Total - Cashback, Formato) + ',''instalments'':1}';
  if Cashback > 0 then
    Pagamentos := Pagamentos + ',{''payment_form'':''cashback'',''amount'':' + CurrToStr(Cashback, Formato) + ',''instalments'':1}';
  WriteLn(Api('/v2/coupons', Id + ',''client_id'':''' + Cliente + ''',''coupon'':''' + ParamStr(1) + ''',''date'':''2026-05-14'',''time'':''19:12:46'',''items'':[' + Cupom +
    '],''payments'':[' + Pagamentos + '],''total_value'':66.93,''total_value_with_discount'':' + CurrToStr(Total, Formato) +
    ',''origin'':''pdv'',''pdv_code'':''012'',''operator_id'':''0123''}').AsJSON);
end.

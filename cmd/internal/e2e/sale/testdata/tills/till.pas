{ A till that sells 200 times, in Free Pascal's doubles and fpjson, which writes 3.6930000000000000E+001.
  till NAME DATE: prints how many sales it made, and their gross, net and paid sums. README.md has the sales. }
program till;

{$mode objfpc}{$H+}

uses
  Classes, SysUtils, Math, fphttpclient, fpjson, jsonparser;

const
  Documents: array[0..2] of string = ('52998224725', '11222333000181', '');
  Prices: array[0..5] of Double = (10.00, 5.49, 3.33, 29.90, 0.99, 7.15);

var
  Gross, Net, Paid: Double;

function Call(const Path: string; Body: TJSONObject): TJSONObject;
var
  Http: TFPHTTPClient;
  Answer: TStringStream;
begin
  Http := TFPHTTPClient.Create(nil);
  Answer := TStringStream.Create('');
  Http.AddHeader('Authorization', 'Bearer ' + GetEnvironmentVariable('PDVAGENT_TOKEN'));
  Http.AddHeader('Content-Type', 'application/json');
  Http.RequestBody := TStringStream.Create(Body.AsJSON);
  Http.HTTPMethod('POST', GetEnvironmentVariable('PDVAGENT_URL') + Path, Answer, []);
  if Http.ResponseStatusCode >= 300 then
  begin
    WriteLn(StdErr, Path, ' ', Body.AsJSON, ' ', Answer.DataString);
    Halt(1);
  end;
  Result := GetJSON(Answer.DataString) as TJSONObject;
  Http.RequestBody.Free;
  Answer.Free;
  Http.Free;
end;

function Cents(Value: Double): Double;
begin
  Result := Floor(Value * 100 + 0.5) / 100;
end;

procedure AddLine(Lines: TJSONArray; const Sku: string; Quantity, Price, Total: Double);
begin
  Lines.Add(TJSONObject.Create(['sku', Sku, 'ean', '20000' + Sku, 'product_name', 'PRODUTO ' + Sku, 'quantity', Quantity,
    'packing_quantity', 1, 'unit_value', Price, 'total_value', Total, 'total_value_with_discount', Total]));
end;

function Basket(I: Integer): TJSONArray;
var
  Kilos, Total: Double;
begin
  Result := TJSONArray.Create;
  AddLine(Result, '90' + IntToStr(I mod 6), 1 + I mod 5, Prices[I mod 6], Cents((1 + I mod 5) * Prices[I mod 6]));
  if I mod 2 = 0 then { weighed }
  begin
    Kilos := 0.305 + I mod 40 * 0.025;
    Total := Kilos * 39.90;
    if I mod 10 <> 6 then Total := Cents(Total);
    AddLine(Result, '411', Kilos, 39.90, Total);
  end;
  if I mod 3 = 0 then { the scale's label says what it costs }
  begin
    Total := (350 + I * 37 mod 4000) / 100;
    AddLine(Result, '2411', Total / 89.90, 89.90, Total);
  end;
  if I mod 17 = 5 then AddLine(Result, '77', 1, -0.50, -0.50); { a bottle comes back }
  with Result.Objects[0] do
    case I mod 4 of
      1: Floats['total_value_with_discount'] := Cents(Floats['total_value'] * 0.93);
      2: Floats['total_value_with_discount'] := Floats['total_value'] - 0.40;
    end;
end;

procedure Tender(Tenders: TJSONArray; const Form: string; Amount: Double);
begin
  Tenders.Add(TJSONObject.Create(['payment_form', Form, 'amount', Amount]));
  Paid := Paid + Amount;
end;

function Payments(I: Integer; Due, Cashback: Double): TJSONArray;
begin
  Result := TJSONArray.Create;
  case I mod 5 of
    0:
      begin
        Tender(Result, 'debit', Cents(Due / 2));
        Tender(Result, 'cash', 50 + Due - Cents(Due / 2));
        Tender(Result, 'change', -50);
      end;
    1: Tender(Result, 'pix', Due);
    2: Tender(Result, 'cash', Ceil(Due / 50) * 50);
    3: Tender(Result, 'credit', Cents(Due * 1.03)); { for 3 % more }
    4: Tender(Result, 'cash', Due);
  end;
  if Cashback > 0 then Tender(Result, 'cashback', Cashback);
end;

procedure Sell(I: Integer);
var
  Start, Apply, Sale: TJSONObject;
  Lines: TJSONArray;
  Session, Client: string;
  Total, Due, Cashback: Double;
  K: Integer;
begin
  Client := Documents[I mod 3];
  Start := Call('/v2/transaction/start', TJSONObject.Create(['document_no', Client]));
  Session := Start.Strings['transaction_id'];
  if not Start.Booleans['loyalty'] then Client := '0';
  Lines := Basket(I);
  Sale := TJSONObject.Create(['transaction_id', Session, 'client_id', Client, 'origin', 'pdv', 'items', Lines]);
  Apply := Call('/v2/transaction/apply', Sale);
  Call('/v2/transaction/confirm', TJSONObject.Create(['transaction_id', Session])).Free;
  Total := 0;
  Due := 0;
  for K := 0 to Lines.Count - 1 do
    with Lines.Objects[K] do
    begin
      Floats['total_value_with_discount'] := Cents(StrToFloat((Apply.FindPath('agent.lines') as TJSONArray).Objects[K].Strings['total']));
      if (K = 0) and (I mod 10 = 9) then { the surcharge stands in the receipt }
        Floats['total_value_with_discount'] := Floats['total_value_with_discount'] + 1.10;
      Total := Total + Floats['total_value'];
      Due := Due + Floats['total_value_with_discount'];
    end;
  if I mod 10 = 8 then Due := Due - 0.30; { a discount on the whole receipt stands in no line }
  Cashback := 0;
  if Apply.FindPath('payment_discount.discount_value') <> nil then Cashback := Apply.FindPath('payment_discount.discount_value').AsFloat;
  Sale.Add('coupon', ParamStr(1) + '-' + IntToStr(I));
  Sale.Add('date', ParamStr(2));
  Sale.Add('time', '19:12:46');
  Sale.Add('payments', Payments(I, Due - Cashback, Cashback));
  Sale.Add('total_value', Total);
  Sale.Add('total_value_with_discount', Due);
  Sale.Add('pdv_code', ParamStr(1));
  Sale.Add('operator_id', '0123');
  Call('/v2/coupons', Sale).Free;
  Gross := Gross + Total;
  Net := Net + Due;
  Start.Free;
  Apply.Free;
  Sale.Free;
end;

var
  I: Integer;
begin
  DefaultFormatSettings.DecimalSeparator := '.';
  for I := 0 to 199 do Sell(I);
  WriteLn(Format('200 %.4f %.4f %.4f', [Gross, Net, Paid]));
end.

// Package reading reads the numbers, texts and documents that come in through any door: tills' bodies, clouds' answers,
// loads, files of a shop and of a bank. Every door calls it; none has a reader of its own. It knows no field and no contract;
// it calls rawjson for the text of a document.
//
// What is taken, and as what:
//
//	number    digits, one point, a sign, an exponent: 10.00  10.  .5  -0.5  +2  1.5E+2  3.6930000000000000E+001
//	          (JSON allows fewer spellings; the others come in text fields)
//	          spaces around it do not count; anything else is no number: 1,5  1 000  0x10  NaN  Infinity
//	  as an amount of D decimals ([Number.Scale])
//	          a value within 0.000001 of a multiple is that multiple: 29.899999999999999 is 29.900
//	          farther off it is rounded to the nearest, half away from zero, which the result says
//	  as a decimal of unlimited places ([Number.Rat])
//	          exactly as spelled
//	local number   a number in a text that people made, with one decimal sign and one grouping sign ([ParseLocal])
//	          12,90 and 1.234,56 where the comma is the decimal sign; 12.90 contradicts it
//	number in a text   a number in quotes, of a till or a bank ([ParseInText]): read as a number; what is none is read as a local
//	          one with the comma as decimal sign: "10,00" is 10.00, "1.234,56" is 1234.56; "1.234" is a number, 1.234
//	text      a JSON string; a whole number in digits is the text of its digits; null and nothing are the empty text
//	          a fraction, an exponent, true, lists and objects are no text ([Text])
//	windows-1252   where it is declared or configured; iso-8859-1 is a part of it ([FromLatin], [LatinBytes])
//	CPF, CNPJ      529.982.247-25 is 52998224725: punctuation, spaces and small letters do not count; the check digits must be
//	          right and nothing is padded ([TaxID])
//	document  strict JSON; where that fails, what is almost JSON and has one plain meaning ([Document]): a comma before a
//	          closing bracket, or missing at a line's end; comments; numbers that start or end with a point or begin with +;
//	          1,5 as a member's value; True; a member twice with one value; NUL, 0x1A or a byte order mark around it
//	          not mended: a quote or control character inside a text, two values under one name, nesting beyond 64 levels,
//	          bytes that are not UTF-8
package reading

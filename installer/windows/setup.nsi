; The setup program: Portuguese wizard, or silent with /S. It only asks and copies; installing, upgrading, going back and
; removing is `pdvagent setup` (agent/ops/setup), the same for the .msi.
;
; Silent: setup.exe /S /SHOP=001 /TILL=012 /TOKEN=... [/PRIMARY=1] [/BASEURL=...] [/LISTEN=...] [/DATADIR=...] [/D=folder]
; or with pdvagent-install.json beside it, or /ANSWERS=file. The exit code is 0 when the agent answers; what happened is in
; %ProgramData%\pdvagent\instalacao.log, what was refused before that in %TEMP%\pdvagent-setup.log.
;
; Defined by installer/release: TARGET, ARCH, VERSION, NUMERIC, PROGRAM, DOCS, ICON, OUT, and SIGN with a certificate.
Target ${TARGET}
ManifestSupportedOS all
ManifestDPIAware true
SetCompressor /SOLID lzma
RequestExecutionLevel admin
Name "pdvagent ${VERSION}"
OutFile "${OUT}"
BrandingText "pdvagent ${VERSION}"
!if "${ARCH}" == "amd64"
  InstallDir "$PROGRAMFILES64\pdvagent"
!else
  InstallDir "$PROGRAMFILES\pdvagent"
!endif

!include LogicLib.nsh
!include MUI2.nsh
!include nsDialogs.nsh
!include FileFunc.nsh
!include WinVer.nsh
!include x64.nsh

VIProductVersion "${NUMERIC}"
VIAddVersionKey /LANG=1046 "ProductName" "pdvagent"
VIAddVersionKey /LANG=1046 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=1046 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=1046 "FileDescription" "Instalador do pdvagent, o agente local do caixa"
VIAddVersionKey /LANG=1046 "CompanyName" "pdvagent"
VIAddVersionKey /LANG=1046 "LegalCopyright" "pdvagent"
!ifdef SIGN
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\pdvagent"
!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_ABORTWARNING

Var Upgrade   ; 1 when there is a configuration already
Var Answers   ; file of answers
Var Purge
Var Code      ; exit code of what was run
Var Report    ; what it said
Var Last      ; its last line
Var Shop
Var Till
Var Primary
Var BaseURL
Var Token
Var FieldShop
Var FieldTill
Var FieldPrimary
Var FieldBaseURL
Var FieldToken
Var FieldResult
Var FieldPurge

!define MUI_WELCOMEPAGE_TEXT "O pdvagent é o agente local do caixa: identifica clientes do clube, busca descontos, guarda cada venda em disco e a envia quando há conexão.$\r$\n$\r$\nEm uma máquina que já o tem, esta instalação atualiza ou repara: configuração, fila de vendas e tokens ficam como estão."
!insertmacro MUI_PAGE_WELCOME
Page custom ShopPage ShopLeave
Page custom CloudPage CloudLeave
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipOnUpgrade
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_TITLE "O pdvagent está em execução"
!define MUI_FINISHPAGE_TEXT "O programa do caixa o chama em http://127.0.0.1:8780 (ou no endereço que foi configurado). O token do caixa está em %ProgramData%\pdvagent\config.yaml.$\r$\n$\r$\nPara conferir a instalação, como administrador: $INSTDIR\pdvagent.exe doctor"
!insertmacro MUI_PAGE_FINISH

!insertmacro MUI_UNPAGE_CONFIRM
UninstPage custom un.PurgePage un.PurgeLeave
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "PortugueseBR"

; tell hands an answer to the program, out of every command line. The value goes by a register: in the text of a call some
; of its characters would mean something.
!macro tell NAME VALUE
  StrCpy $9 "${VALUE}"
  System::Call 'kernel32::SetEnvironmentVariable(t "PDVAGENT_INSTALL_${NAME}", t r9)'
!macroend

; Option gives the value of an option, empty without it: Push "/NAME=", Call, Pop. FileFunc's own cuts a value at a slash,
; and addresses have some. A value with blanks is quoted, alone or with its option.
Function Option
  Exch $R0
  ${GetParameters} $R1
  StrCpy $R1 " $R1"
  StrLen $R2 $R0
  StrCpy $R3 0
  ${Do}
    IntOp $R3 $R3 + 1
    StrCpy $R4 $R1 $R2 $R3
    ${If} $R4 == ""
      StrCpy $R0 ""
      Exch $R0
      Return
    ${EndIf}
    IntOp $R5 $R3 - 1
    StrCpy $R5 $R1 1 $R5 ; what stands before it
    ${If} $R4 == $R0
      ${If} $R5 == " "
      ${OrIf} $R5 == '"'
        ${ExitDo}
      ${EndIf}
    ${EndIf}
  ${Loop}
  IntOp $R3 $R3 + $R2
  StrCpy $R4 $R1 1 $R3
  ${If} $R4 == '"'
    IntOp $R3 $R3 + 1
    StrCpy $R5 '"'
  ${EndIf}
  StrCpy $R0 ""
  ${Do}
    StrCpy $R4 $R1 1 $R3
    ${If} $R4 == ""
    ${OrIf} $R4 == $R5
      ${ExitDo}
    ${EndIf}
    StrCpy $R0 "$R0$R4"
    IntOp $R3 $R3 + 1
  ${Loop}
  Exch $R0
FunctionEnd

; answer reads an option and hands it to the program as an answer.
!macro answer OPTION NAME VARIABLE
  Push "/${OPTION}="
  Call Option
  Pop ${VARIABLE}
  ${If} ${VARIABLE} != ""
    !insertmacro tell ${NAME} ${VARIABLE}
  ${EndIf}
!macroend

; Refuse says why nothing is done: on the screen, in a file, and by the exit code.
!macro refusal PREFIX
Function ${PREFIX}Refuse
  Pop $0
  FileOpen $1 "$TEMP\pdvagent-setup.log" w
  FileWriteWord $1 0xFEFF
  FileWriteUTF16LE $1 "$0$\r$\n"
  FileClose $1
  MessageBox MB_OK|MB_ICONSTOP "$0" /SD IDOK
  SetErrorLevel 1
  Quit
FunctionEnd

; ReadReport prints what the program said and keeps its last line.
Function ${PREFIX}ReadReport
  StrCpy $Last ""
  StrCpy $Report ""
  ClearErrors
  FileOpen $0 "$PLUGINSDIR\relato.txt" r
  ${If} ${Errors}
    Return
  ${EndIf}
  FileReadWord $0 $1 ; the mark
  ${Do}
    ClearErrors
    FileReadUTF16LE $0 $1
    ${If} ${Errors}
      ${ExitDo}
    ${EndIf}
    ${Do}
      StrCpy $2 $1 1 -1
      ${If} $2 != "$\n"
      ${AndIf} $2 != "$\r"
        ${ExitDo}
      ${EndIf}
      StrCpy $1 $1 -1
    ${Loop}
    ${If} $1 != ""
      DetailPrint "$1"
      StrCpy $Last "$1"
      StrCpy $Report "$Report$1$\r$\n"
    ${EndIf}
  ${Loop}
  FileClose $0
FunctionEnd
!macroend
!insertmacro refusal ""
!insertmacro refusal "un."

Function .onInit
  SetShellVarContext all
  ${IfNot} ${AtLeastWin10}
    Push "O pdvagent precisa do Windows 10 (ou Windows Server 2016) ou mais novo; este Windows não recebe mais correções de segurança e não pode ser atendido."
    Call Refuse
  ${EndIf}
!if "${ARCH}" == "amd64"
  ${IfNot} ${RunningX64}
    Push "Este Windows é de 32 bits: use o instalador pdvagent_${VERSION}_windows_386_setup.exe."
    Call Refuse
  ${EndIf}
  SetRegView 64
!endif
  UserInfo::GetAccountType
  Pop $0
  ${If} $0 != "Admin"
    Push "Execute o instalador como administrador: botão direito, $\"Executar como administrador$\"."
    Call Refuse
  ${EndIf}
  !insertmacro answer SHOP SHOP $Shop
  !insertmacro answer TILL TILL $Till
  !insertmacro answer PRIMARY PRIMARY $Primary
  !insertmacro answer BASEURL BASE_URL $BaseURL
  !insertmacro answer TOKEN TOKEN $Token
  !insertmacro answer LISTEN LISTEN $1
  !insertmacro answer DATADIR DATA_DIR $1
  !insertmacro answer DIALECT DIALECT $1
  !insertmacro answer PDVVERSION PDV_VERSION $1
  !insertmacro answer TILLTOKEN TILL_TOKEN $1
  !insertmacro answer SUPPORTTOKEN SUPPORT_TOKEN $1
  !insertmacro answer ADMINTOKEN ADMIN_TOKEN $1
  Push "/ANSWERS="
  Call Option
  Pop $Answers
  ${If} $Answers == ""
  ${AndIf} ${FileExists} "$EXEDIR\pdvagent-install.json"
    StrCpy $Answers "$EXEDIR\pdvagent-install.json"
  ${EndIf}
  ${If} ${FileExists} "$APPDATA\pdvagent\config.yaml"
    StrCpy $Upgrade 1
    ReadRegStr $0 HKLM "${UNINSTALL}" "InstallLocation"
    ${If} $0 != ""
      StrCpy $INSTDIR $0
    ${EndIf}
  ${EndIf}
  InitPluginsDir
FunctionEnd

Function SkipOnUpgrade
  ${If} $Upgrade == 1
    Abort
  ${EndIf}
FunctionEnd

Function ShopPage
  Call SkipOnUpgrade
  !insertmacro MUI_HEADER_TEXT "A loja e este caixa" "Como a loja e o caixa são chamados no sistema de vendas."
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 10u "Código da loja"
  Pop $0
  ${NSD_CreateText} 0 12u 40% 13u "$Shop"
  Pop $FieldShop
  ${NSD_CreateLabel} 0 34u 100% 10u "Código deste caixa"
  Pop $0
  ${NSD_CreateText} 0 46u 40% 13u "$Till"
  Pop $FieldTill
  ${NSD_CreateCheckbox} 0 70u 100% 12u "Este é o caixa principal: envia as cargas de produtos e operadores da loja"
  Pop $FieldPrimary
  ${If} $Primary == 1
    ${NSD_Check} $FieldPrimary
  ${EndIf}
  ${NSD_CreateLabel} 0 86u 100% 20u "Marque em um só caixa de cada loja."
  Pop $0
  nsDialogs::Show
FunctionEnd

Function ShopLeave
  ${NSD_GetText} $FieldShop $Shop
  ${NSD_GetText} $FieldTill $Till
  ${NSD_GetState} $FieldPrimary $Primary
  ${If} $Shop == ""
  ${OrIf} $Till == ""
    MessageBox MB_OK|MB_ICONEXCLAMATION "Informe o código da loja e o do caixa."
    Abort
  ${EndIf}
  !insertmacro tell SHOP $Shop
  !insertmacro tell TILL $Till
  !insertmacro tell PRIMARY $Primary
FunctionEnd

Function CloudPage
  Call SkipOnUpgrade
  !insertmacro MUI_HEADER_TEXT "A nuvem da Mercafácil" "O endereço e o token que a Mercafácil deu para esta loja."
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 10u "Endereço (vazio: o da Mercafácil)"
  Pop $0
  ${NSD_CreateText} 0 12u 100% 13u "$BaseURL"
  Pop $FieldBaseURL
  ${NSD_CreateLabel} 0 34u 100% 10u "Token da loja"
  Pop $0
  ${NSD_CreatePassword} 0 46u 100% 13u "$Token"
  Pop $FieldToken
  ${NSD_CreateButton} 0 68u 35% 15u "Testar conexão"
  Pop $0
  ${NSD_OnClick} $0 TestConnection
  ${NSD_CreateLabel} 0 90u 100% 48u ""
  Pop $FieldResult
  nsDialogs::Show
FunctionEnd

Function TakeCloud
  ${NSD_GetText} $FieldBaseURL $BaseURL
  ${NSD_GetText} $FieldToken $Token
  !insertmacro tell BASE_URL $BaseURL
  !insertmacro tell TOKEN $Token
FunctionEnd

Function CloudLeave
  Call TakeCloud
  ${If} $Token == ""
    MessageBox MB_OK|MB_ICONEXCLAMATION "Informe o token da loja."
    Abort
  ${EndIf}
FunctionEnd

Function TestConnection
  Pop $0
  Call TakeCloud
  ${NSD_SetText} $FieldResult "Testando..."
  ${IfNot} ${FileExists} "$PLUGINSDIR\pdvagent.exe"
    File "/oname=$PLUGINSDIR\pdvagent.exe" "${PROGRAM}"
  ${EndIf}
  Delete "$PLUGINSDIR\relato.txt"
  nsExec::Exec '"$PLUGINSDIR\pdvagent.exe" setup try --report "$PLUGINSDIR\relato.txt"'
  Pop $Code
  Call ReadReport
  ${NSD_SetText} $FieldResult "$Report"
FunctionEnd

Section "pdvagent"
  SetShellVarContext all
  SetOutPath "$INSTDIR\pacote"
  File "/oname=pdvagent.exe" "${PROGRAM}"
  StrCpy $1 ""
  ${If} $Answers != ""
    StrCpy $1 '--answers "$Answers"'
  ${EndIf}
  SetDetailsPrint listonly
  nsExec::Exec '"$INSTDIR\pacote\pdvagent.exe" setup apply --dir "$INSTDIR" --report "$PLUGINSDIR\relato.txt" $1'
  Pop $Code
  Call ReadReport
  SetDetailsPrint both
  SetOutPath "$INSTDIR"
  RMDir /r "$INSTDIR\pacote"
  ${If} $Code != 0
    SetOutPath "$TEMP"
    RMDir "$INSTDIR"
    ${If} $Last == ""
      StrCpy $Last "O programa de instalação não pôde ser executado ($Code). Um antivírus pode tê-lo impedido."
    ${EndIf}
    Push "$Last"
    Call Refuse
  ${EndIf}
  File /r "${DOCS}\*"
  CreateShortCut "$SMPROGRAMS\Console do pdvagent.lnk" "$INSTDIR\pdvagent.exe" "console --stay" "$INSTDIR\pdvagent.exe" 0 SW_SHOWNORMAL "" "Abre o console do pdvagent no navegador"
  WriteUninstaller "$INSTDIR\desinstalar.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "pdvagent, o agente local do caixa"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayIcon" "$INSTDIR\pdvagent.exe"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "pdvagent"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\desinstalar.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\desinstalar.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKLM "${UNINSTALL}" "EstimatedSize" $0
SectionEnd

Function un.onInit
  SetShellVarContext all
!if "${ARCH}" == "amd64"
  SetRegView 64
!endif
  InitPluginsDir
  StrCpy $Purge ""
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/PURGE" $1
  ${IfNot} ${Errors}
    StrCpy $Purge "--purge"
  ${EndIf}
  Delete "$PLUGINSDIR\relato.txt"
  nsExec::Exec '"$INSTDIR\pdvagent.exe" setup pending --report "$PLUGINSDIR\relato.txt"'
  Pop $Code
  Call un.ReadReport
  ${If} $Report != ""
    MessageBox MB_YESNO|MB_ICONEXCLAMATION|MB_DEFBUTTON2 "$Report$\r$\nRemover assim mesmo?" /SD IDYES IDYES remove
    SetErrorLevel 1
    Quit
    remove:
  ${EndIf}
FunctionEnd

Function un.PurgePage
  !insertmacro MUI_HEADER_TEXT "Dados e configuração" "O que fica nesta máquina."
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 24u "A fila de vendas e a configuração ficam em %ProgramData%\pdvagent, para uma nova instalação."
  Pop $0
  ${NSD_CreateCheckbox} 0 30u 100% 12u "Apagar também os dados e a configuração"
  Pop $FieldPurge
  nsDialogs::Show
FunctionEnd

Function un.PurgeLeave
  ${NSD_GetState} $FieldPurge $0
  ${If} $0 == ${BST_CHECKED}
    StrCpy $Purge "--purge"
  ${EndIf}
FunctionEnd

Section "Uninstall"
  SetShellVarContext all
  ; a program cannot remove itself while it runs: a copy does
  CopyFiles /SILENT "$INSTDIR\pdvagent.exe" "$PLUGINSDIR\pdvagent.exe"
  Delete "$PLUGINSDIR\relato.txt"
  nsExec::Exec '"$PLUGINSDIR\pdvagent.exe" setup remove --dir "$INSTDIR" --report "$PLUGINSDIR\relato.txt" $Purge'
  Pop $Code
  Call un.ReadReport
  ${If} $Code != 0
    Push "$Last"
    Call un.Refuse
  ${EndIf}
  Delete "$SMPROGRAMS\Console do pdvagent.lnk"
  Delete "$INSTDIR\desinstalar.exe"
  RMDir /r "$INSTDIR\docs"
  RMDir /r "$INSTDIR\pacote"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
SectionEnd

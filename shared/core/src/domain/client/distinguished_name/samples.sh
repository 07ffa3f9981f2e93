#!/bin/sh
# Writes samples.txt: the output of `openssl x509 -subject -nameopt RFC2253` for certificates with many kinds of names.
# Run it by hand when a sample is added. Its output is checked in, because it differs with each key.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# $1: the string_mask, which selects the string type of the values; the rest: lines of a distinguished name.
sample() {
    mask=$1
    shift
    {
        printf '%s\n' 'oid_section = oids' '[req]' 'prompt = no' 'utf8 = yes' "string_mask = $mask"
        printf '%s\n' 'distinguished_name = name' '[oids]' 'tillNumber = 1.3.6.1.4.1.55555.1' '[name]'
        printf '%s\n' "$@"
    } >"$work/config"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key" -days 3650 \
        -config "$work/config" -out "$work/certificate"
    openssl x509 -in "$work/certificate" -subject -nameopt RFC2253
}

{
    sample utf8only 'C = US' 'O = City Bank' 'CN = Till 7'
    # Extended validation.
    sample utf8only 'jurisdictionC = US' 'jurisdictionST = Delaware' 'jurisdictionL = Dover' \
        'businessCategory = Private Organization' 'serialNumber = 5157550' 'C = US' 'ST = New York' 'L = New York' \
        'street = 1 Main St' 'postalCode = 10001' 'O = City Bank' 'CN = till.bank.example'
    # A seal of the European Union, with an identifier of PSD2.
    sample utf8only 'C = DE' 'O = Sparkasse Köln' 'organizationIdentifier = PSDDE-BAFIN-123456' 'CN = Kasse Süd'
    sample utf8only 'C = ES' 'GN = José' 'SN = Núñez' 'initials = J.N.' 'pseudonym = El Niño' 'title = Dr.' \
        'generationQualifier = III' 'dnQualifier = 7' 'name = José Núñez' 'CN = José Núñez'
    sample utf8only '1.DC = example' '2.DC = bank' 'OU = Tills' 'UID = till-7' 'emailAddress = till7@bank.example'
    sample utf8only 'C = RU' 'O = Банк «Город»' 'INN = 007707083893' 'OGRN = 1027700132195' 'SNILS = 00000000000' \
        'CN = Касса 7'
    # Characters that have to be escaped.
    sample utf8only 'O = City Bank, Inc.' '1.OU = a+b\\;<c>=\"d\" \\\\ e' '2.OU = \#7' 'CN = " Till  7 "'
    # Several attributes in one part.
    sample utf8only 'C = US' 'O = City Bank' 'OU = Sales' '+CN = J. Smith' '+UID = jsmith'
    # Types that OpenSSL knows are printed by name here; an unknown one is printed by number below.
    sample utf8only 'O = City Bank' 'telephoneNumber = 1 555 0100' 'postalAddress = 1 Main St' 'postOfficeBox = 7' \
        'x500UniqueIdentifier = 7' 'description = The till' 'role = till' 'houseIdentifier = 1' 'dmdName = bank' \
        'unstructuredName = till' 'unstructuredAddress = dover' 'mail = till@bank.example' 'c3 = USA' 'n3 = 840' \
        'dnsName = till.bank.example' 'id-pda-gender = F' 'id-pda-countryOfCitizenship = US' 'CN = Till'
    sample utf8only 'tillNumber = 7' 'CN = Till 7'
    # TeletexString, BMPString, UniversalString.
    sample MASK:0x4 'O = Crédit Agricole' 'CN = Caisse 7'
    sample MASK:0x800 'O = Crédit Agricole' 'CN = 東京 7'
    sample MASK:0x100 'O = Crédit Agricole' 'CN = 東京 7'
} >samples.txt

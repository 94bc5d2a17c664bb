"""The passwords that are tried first. Only those of eight or more characters: shorter ones are refused anyway."""

from __future__ import annotations

WEAK_PASSWORDS = frozenset(
    """
    password password1 password12 password123 password1234 password! password1! passw0rd p@ssword p@ssw0rd
    pa55word passwort passwort1 motdepasse contraseña contrasena senha123 parola123 mypassword yourpassword
    12345678 123456789 1234567890 12345678910 0123456789 987654321 87654321 9876543210 123123123 12341234
    11223344 112233445566 123321123 147258369 159753456 741852963 14725836 10203040 1q2w3e4r 1q2w3e4r5t
    1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc zaq12wsx qazwsxedc qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234
    qwerty12345 qwer1234 asdfghjk asdfghjkl asdf1234 zxcvbnm1 zxcvbnm123 abcd1234 abc12345 abcdefgh
    abc123456 a1b2c3d4 aa123456 admin123 admin1234 administrator welcome1 welcome123 letmein1 letmein123
    iloveyou iloveyou1 iloveyou2 sunshine sunshine1 princess princess1 football football1 baseball
    basketball superman batman123 starwars pokemon1 dragon123 monkey123 michael1 jennifer jessica1
    charlie1 computer internet whatever trustno1 changeme changeme1 changeme123 default1 secret123
    test1234 testtest test12345 guest123 user1234 samsung1 liverpool chelsea1 arsenal1 manchester
    pakistan pakistan123 karachi123 kenya123 nairobi123 india123 bangalore hindustan marketcore marketplace
    """.split()
)

"""Who calls, and what they may do: accounts with roles, sessions, API keys with scopes, and lockout.

`permissions` is the table of roles and scopes, `passwords` hashes, `store` keeps accounts, sessions and keys,
`lockout` slows guessing down, `callers` finds out who sent a request. Knows no gallery but by its id.
"""

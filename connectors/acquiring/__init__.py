"""Payment providers: how is a payment made and asked about at ЮKassa, Сбербанк and Т-Банк?"""

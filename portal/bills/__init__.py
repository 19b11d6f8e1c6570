"""Bills: how does a month of an account become a printed bill that can be paid?"""

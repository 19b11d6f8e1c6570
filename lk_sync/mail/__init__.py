"""Letters: how do they get from the queue in the store to the mail server, whoever is up to carry them?"""

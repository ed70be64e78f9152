"""Each entrance, under each attack, in front of each application: who gets in, and who hears what.

Written from the documents alone. Nothing here looks into the package: servers are processes, clients are raw sockets.
"""

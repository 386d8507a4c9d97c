"""The chat that brands put into their pages: a reference for channels of one's own, by the same ways as the API.

talking   what a visitor says and hears; knows no HTTP
views     the page, what it asks for, and the script that brings it into a shop's page
"""

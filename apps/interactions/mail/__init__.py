"""Mail: customers write to a brand's mailbox and are answered from it.

reading     what a mail says, and what kind it is; nothing that a stranger writes makes it fail
html        the text of an HTML mail
quotes      what its writer wrote, without what they quote of us and their signature
threads     which case a mail belongs to
receiving   a mail becomes a case, goes on with one, or is noted and answered to nobody
fetching    reads mailboxes by IMAP
outgoing    replies that wait to leave, as the mails that they are
sending     sends them by SMTP, again and again until they are taken or refused
"""

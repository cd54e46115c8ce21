"""The pictures of the documentation (`docs/images`), taken of the demonstration: the live screen, the console, the report, a mail.

``make screenshots`` takes them. The live screen is drawn by Textual itself, pages by Chromium.
"""

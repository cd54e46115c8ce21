"""From the Mist cloud to history tables: what is worth asking, the answers as received, and the frames made from them.

Planning and fetching, the raw store and the making of frames belong here, each in a sub-room. How a call is sent is in
`mist`, where frames are kept in `warehouse`, and what they mean in `analysis`.
"""

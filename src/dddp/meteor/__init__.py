"""Meteor's own front end, served by Django: its pages, its runtime config, its hot code push.

Layers of this package, from the bottom: `conf`; `bundle`, `browsers`, `dynamic`; `versions`;
`page`, `runtime_config`; `views`; `mounting`; `ddp`.
"""

"""The recognition service: HTTP over the galleries, pipeline, thresholds and portrait checks that the commands use.

The only room that knows the web. `app` composes it, `routes` has one file per group of operations, `bodies` reads
requests, `errors` is the one form of every failure, `capacity` limits what is in work, `model_queue` runs the
models image by image, `engines` holds them. It parses, calls use cases and presents. It decides nothing
about faces, opens no path and fetches no address that a request names.
"""

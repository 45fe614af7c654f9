"""Pairs of images decided at once, such as identity cards and selfies: the list, the faces, the decisions, the page.

`pair_list` reads the list, `compared_images` what is known of each image, `image_parts` measures each image once and
resumes, `review` says what a person should look at, `decisions` decides, `labelled` counts errors where the truth is
known, `files` and `page` write the log, and `verifying` is the use case. Finds no faces itself (mien.pipeline), and
compares no score with a threshold itself (mien.gallery.decide).
"""

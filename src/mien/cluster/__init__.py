"""Faces without names in groups of one person each, with their certainty: albums and folders of photographs.

`faces` is what is known of a face, `face_parts` finds the faces of each image once and resumes, `linkage` groups,
`strictness` says how alike faces must be among so many, `certainty` how sure a group and a face are, `grouping` puts
these together, `files`, `page` and `people_folder` write, and `clustering` is the use case. Names nobody.
"""

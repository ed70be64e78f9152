/* page.h - the page of the admin panel, as generate.py makes it of the files in web/. */
#ifndef WSM_ADMIN_PAGE_H
#define WSM_ADMIN_PAGE_H

extern const char wsm__admin_html_head[]; /* up to the end of <head> */
extern const char wsm__admin_html_body[]; /* the rest */
extern const char wsm__admin_html_headers[];

#endif

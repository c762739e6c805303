from django.contrib import admin

from bookstore.models import Author, Book


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    list_display = ["name", "email"]
    list_display_links = ["name"]
    list_editable = ["email"]
    search_fields = ["name", "email"]


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    list_display = ["title", "author", "pages", "price", "published"]
    list_editable = ["pages", "price"]
    list_filter = ["author"]
    search_fields = ["title"]
